// PURE
import type { CitationLevel } from "@boocode/contracts";
import { type Place, toFileText } from "./file-text.ts";
import {
  type Budget,
  type Cited,
  findMove,
  type JudgedFile,
  MAX_COMPARED,
  type ReadFile,
  spend,
  stands,
  wantedOf,
} from "./find-move.ts";

/** Lines of a file that the model has read, each as it was shown last. */
export type ShownLines = readonly (readonly [number: number, text: string])[];

export interface Judged {
  level: CitationLevel;
  moved_to?: Place;
}

/**
 * Judges citations: see the levels of `Citation` in the contracts. What the model has read is compared, where it has read the lines;
 * elsewhere what the file has now.
 * @param shown by path
 * @param read returns null for a file that does not exist or may not be read
 * @throws TooMuchToCompare
 */
export async function judgeCitations(
  cited: readonly Cited[],
  shown: Readonly<Record<string, ShownLines>>,
  read: (path: string, wanted: Place) => Promise<ReadFile | null>,
): Promise<Judged[]> {
  const budget = { left: MAX_COMPARED };
  const files = new Map<string, JudgedFile>();
  const fileOf = (path: string) => {
    const known = files.get(path) ?? judgedFile(Object.hasOwn(shown, path) ? (shown[path] ?? []) : []);
    files.set(path, known);
    return known;
  };
  // What was shown and is quoted rightly needs no file.
  const first = cited.map((one) => judgeShown(one, fileOf(one.path), budget));
  const wanted = new Map<string, Place>();
  for (const [index, { path, ...lines }] of cited.entries()) {
    if (first[index]) continue;
    const known = wanted.get(path) ?? lines;
    wanted.set(path, { first: Math.min(lines.first, known.first), last: Math.max(lines.last, known.last) });
  }
  await inTurns([...wanted], AT_ONCE, async ([path, lines]) => {
    fileOf(path).file = await read(path, lines);
  });
  return cited.map((one, index) => first[index] ?? judge(one, fileOf(one.path), budget));
}

/** Files that are read at once. */
const AT_ONCE = 8;

async function inTurns<T>(all: readonly T[], atOnce: number, each: (one: T) => Promise<void>): Promise<void> {
  let next = 0;
  const run = async () => {
    for (let one = all[next++]; one !== undefined; one = all[next++]) await each(one);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, all.length) }, run));
}

const judgedFile = (shown: ShownLines): JudgedFile => ({
  file: null,
  shown: new Map(shown),
  text: null,
  places: new Map(),
});

/** @returns null when the file must be read */
function judgeShown({ first, last, quotes }: Cited, { shown }: JudgedFile, budget: Budget): Judged | null {
  const lines: string[] = [];
  for (let number = first; number <= last; number++) {
    const line = shown.get(number);
    if (line === undefined) return null;
    lines.push(line);
  }
  if (lines.length === 0) return null;
  const wanted = wantedOf(quotes);
  const text = toFileText(lines);
  spend(budget, text.text.length * (wanted.length + 1));
  return wanted.length === 0 || wanted.some((quote) => stands(text, quote)) ? { level: "shown" } : null;
}

function judge(cited: Cited, judged: JudgedFile, budget: Budget): Judged {
  const { first, last, quotes } = cited;
  const total = judged.file?.lines.length ?? 0;
  let isShown = last >= first;
  let exists = last >= first && first >= 1;
  const lines: string[] = [];
  // No file has more lines than were read or shown, so a range without end costs no more.
  for (let number = first; number <= last && (isShown || exists); number++) {
    const seen = judged.shown.get(number);
    isShown &&= seen !== undefined;
    exists &&= seen !== undefined || number <= total;
    const line = seen ?? judged.file?.lines[number - 1];
    if (line !== undefined) lines.push(line);
  }
  const moved = findMove(quotes, lines, cited, judged, budget);
  if (moved) return { level: "moved", ...(moved.to && { moved_to: moved.to }) };
  if (isShown) return { level: "shown" };
  return { level: exists ? "exists" : "none" };
}
