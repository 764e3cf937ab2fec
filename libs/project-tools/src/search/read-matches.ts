import type { ToolContext } from "../define-tool.ts";
import type { Encoding } from "../project/detect-encoding.ts";
import { readLines } from "../project/read-lines.ts";
import type { Candidate } from "./match-record.ts";
import { MAX_SEARCHED_BYTES } from "./ripgrep-arguments.ts";

/** A line to show. `matchStart` is the byte offset of its match; null in a line of context. */
export interface ShownLine {
  number: number;
  bytes: Buffer;
  matchStart: number | null;
}

/**
 * Reads the candidate lines of one file through the verified root, with `around` lines of context before and after each. Only
 * lines read here are shown. A line that differs from what ripgrep saw is dropped, and so is a file that cannot be opened:
 * ripgrep may have read another file, outside the root.
 */
export async function readMatches(
  path: string,
  encoding: Encoding,
  candidates: readonly Candidate[],
  around: number,
  { root, signal }: ToolContext,
): Promise<ShownLine[]> {
  const opened = await root.tryOpen(path, "file");
  if (opened === null) return [];
  const lines = new Map<number, Buffer>();
  try {
    // ripgrep skips larger files, so this one has grown since.
    if (opened.size > MAX_SEARCHED_BYTES) return [];
    const needed = new Set(candidates.flatMap(({ line }) => surrounding(line, around)));
    const last = Math.max(...needed);
    const options = {
      ...{ from: Math.max(1, Math.min(...needed)), countBytes: 0, signal, encoding },
      // Conversion to UTF-8 can double a line's length.
      maxLineBytes: 2 * MAX_SEARCHED_BYTES,
    };
    await readLines(opened.handle, options, ({ number, bytes }) => {
      if (needed.has(number)) lines.set(number, bytes);
      return number < last;
    });
  } finally {
    await opened.handle.close();
  }
  const starts = new Map<number, number>();
  for (const { line, bytes, start } of candidates) {
    if (bytes !== null && lines.get(line)?.equals(bytes)) starts.set(line, start);
  }
  const shown = new Set([...starts.keys()].flatMap((line) => surrounding(line, around)));
  return [...shown]
    .sort((a, b) => a - b)
    .flatMap((number) => {
      const bytes = lines.get(number);
      return bytes === undefined ? [] : [{ number, bytes, matchStart: starts.get(number) ?? null }];
    });
}

function surrounding(line: number, around: number): number[] {
  return Array.from({ length: 2 * around + 1 }, (_, index) => line - around + index);
}
