import type { ToolContext } from "../define-tool.ts";
import { readLines } from "../root/read-lines.ts";
import { sniffFile } from "../root/sniff-file.ts";
import { ToolFailure } from "../tool-failure.ts";
import type { Proposal } from "./match-record.ts";
import { MAX_FILE_BYTES } from "./ripgrep-arguments.ts";

/** A line to show; `matchStart` is the byte at which its match begins, null in a line of context. */
export interface ShownLine {
  number: number;
  bytes: Buffer;
  matchStart: number | null;
}

/**
 * Reads the lines that ripgrep proposes for `path` through the verified root, with `around` lines before and after each. What is
 * shown comes from here alone. A line that is not the one that ripgrep saw is dropped, and so is a file that cannot be
 * opened: it may have been another file, outside the root, when ripgrep read it.
 */
export async function readMatches(
  path: string,
  proposals: readonly Proposal[],
  around: number,
  { root, signal }: ToolContext,
): Promise<ShownLine[]> {
  const opened = await root.open(path, "file").catch((error: unknown) => {
    if (error instanceof ToolFailure) return null;
    throw error;
  });
  if (opened === null) return [];
  const lines = new Map<number, Buffer>();
  try {
    // ripgrep passes over larger files, so such a one has grown since.
    if (opened.size > MAX_FILE_BYTES || (await sniffFile(opened.handle)) !== "text") return [];
    const needed = new Set(proposals.flatMap(({ line }) => surrounding(line, around)));
    const last = Math.max(...needed);
    const options = { from: Math.max(1, Math.min(...needed)), maxLineBytes: MAX_FILE_BYTES, countBytes: 0, signal };
    await readLines(opened.handle, options, ({ number, bytes }) => {
      if (needed.has(number)) lines.set(number, bytes);
      return number < last;
    });
  } finally {
    await opened.handle.close();
  }
  const starts = new Map<number, number>();
  for (const { line, bytes, start } of proposals) {
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
