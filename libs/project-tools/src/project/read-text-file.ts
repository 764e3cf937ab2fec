import type { Place } from "../citations/file-text.ts";
import { TooMuchToCompare } from "../citations/find-move.ts";
import { createDecoder, detectEncoding, readEncoding } from "./detect-encoding.ts";
import type { OpenedPath, ProjectRoot } from "./project-root.ts";
import { readLines } from "./read-lines.ts";
import { readStart } from "./read-start.ts";

/** Of a larger file only the wanted lines are kept. */
const WHOLE_BYTES = 4 * 2 ** 20;
/** What follows in a longer line is not read. */
const MAX_LINE_BYTES = 64 * 1024;
const NEVER = new AbortController().signal;

interface TextFile {
  /** Line 1 is the first; a line that is not wanted may be absent. */
  lines: string[];
  /** All lines were read. */
  isWhole: boolean;
}

/**
 * Reads a text file's lines.
 * @param wanted the first and the last line that are wanted
 * @returns null when there is no such file that may be shown, or when it is binary
 * @throws TooMuchToCompare when the wanted lines of a large file are themselves large
 */
export async function readTextFile(
  root: Pick<ProjectRoot, "tryOpen">,
  path: string,
  wanted: Place,
): Promise<TextFile | null> {
  const opened = await root.tryOpen(path, "file");
  if (opened === null) return null;
  try {
    return opened.size <= WHOLE_BYTES ? await readWhole(opened) : await readWanted(opened, wanted);
  } finally {
    await opened.handle.close();
  }
}

async function readWhole({ handle }: OpenedPath): Promise<TextFile | null> {
  const bytes = await readStart(handle, WHOLE_BYTES);
  const encoding = await detectEncoding(bytes, true);
  if (encoding === "binary") return null;
  const text = createDecoder(encoding)(bytes).replace(/^\uFEFF/, "");
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === "") lines.pop();
  return { lines, isWhole: true };
}

async function readWanted({ handle }: OpenedPath, { first, last }: Place): Promise<TextFile | null> {
  const encoding = await readEncoding(handle);
  if (encoding === "binary") return null;
  const lines: string[] = [];
  const options = { from: Math.max(1, first), maxLineBytes: MAX_LINE_BYTES, countBytes: 0, signal: NEVER, encoding };
  let held = 0;
  await readLines(handle, options, ({ number, bytes }) => {
    lines[number - 1] = bytes.toString("utf8");
    held += bytes.length;
    if (held > WHOLE_BYTES) throw new TooMuchToCompare(`the lines are larger than ${WHOLE_BYTES} bytes`);
    return number < last;
  });
  return { lines, isWhole: false };
}
