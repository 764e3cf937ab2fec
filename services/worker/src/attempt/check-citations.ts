import { type Citation, MAX_CITATIONS, MAX_CITATIONS_BYTES } from "@boocode/contracts";
import type { ToolPool } from "@boocode/project-tools";
import {
  type Cited,
  type FoundCitation,
  findCitations,
  findQuotes,
  namesOf,
  resolveCitations,
  type Showing,
  type ShownLines,
  shownLines,
} from "@boocode/project-tools/citations";
import { DeadlineExceeded, withDeadline } from "@boocode/runtime";

export interface CheckCitationsDeps {
  /** Absolute paths of the project's root. */
  roots: readonly string[];
  /** Limit of the whole check: the end of the turn waits for it. */
  timeoutMs: number;
  /** Reads what the session's tools have shown of files with these names, newest first. */
  showings(names: readonly string[]): Promise<readonly Showing[]>;
  judge(work: Parameters<ToolPool["judge"]>[0], signal: AbortSignal): ReturnType<ToolPool["judge"]>;
  onError(error: unknown): void;
}

/**
 * Finds the lines that an answer cites, and compares them with what the model has read and with the files. Never rejects, because no
 * answer may fail because of its citations.
 * @returns in the order of the text; null when they were not checked
 */
export async function checkCitations(deps: CheckCitationsDeps, answer: string): Promise<Citation[] | null> {
  const controller = new AbortController();
  try {
    return await withDeadline(deps.timeoutMs, "checking citations", check(deps, answer, controller.signal));
  } catch (error) {
    controller.abort(error);
    if (!(error instanceof DeadlineExceeded)) deps.onError(error);
    return null;
  }
}

async function check(deps: CheckCitationsDeps, answer: string, signal: AbortSignal): Promise<Citation[] | null> {
  const candidates = findCitations(answer);
  if (candidates === null) return null;
  if (candidates.length === 0) return [];
  const showings = await deps.showings(namesOf(candidates));
  signal.throwIfAborted();
  const shown = new Set(showings.flatMap(({ evidence }) => evidence.map(({ path }) => path)));
  const found = resolveCitations(candidates, deps.roots, shown);
  if (found.length > MAX_CITATIONS) return null;
  const quotes = findQuotes(answer, found);
  const cited = found.map((citation, index) => ({ citation, quotes: quotes[index] as Cited["quotes"] }));
  const inside = cited.filter(({ citation }) => citation.isInside);
  const work = {
    cited: inside.map(({ citation: { path, first, last }, quotes }) => ({ path, first, last, quotes })),
    shown: readLines(
      showings,
      inside.map(({ citation }) => citation),
    ),
  };
  const judged = inside.length === 0 ? [] : await deps.judge(work, signal);
  if (judged === null) return null;
  const levels = new Map(inside.map(({ citation }, index) => [citation, judged[index]]));
  const citations = found.map((citation): Citation => {
    const { isInside: _, ...place } = citation;
    return { ...place, ...(levels.get(citation) ?? { level: "none" }) };
  });
  return Buffer.byteLength(JSON.stringify(citations)) > MAX_CITATIONS_BYTES ? null : citations;
}

function readLines(showings: readonly Showing[], found: readonly FoundCitation[]): Record<string, ShownLines> {
  const byPath = new Map<string, FoundCitation[]>();
  for (const one of found) byPath.set(one.path, [...(byPath.get(one.path) ?? []), one]);
  return Object.fromEntries([...byPath].map(([path, ranges]) => [path, shownLines(showings, path, ranges)]));
}
