import type { ShownFile, ShownRange } from "@boocode/contracts";
import { hashLines } from "./hash-lines.ts";

/** A tool's output, with what it shows of files. */
export interface Showing {
  content: string;
  evidence: readonly ShownFile[];
}

/** The lines of an output that show a range of a file; null when the output is not the one that the evidence describes. */
function linesOf(output: readonly string[], { first, last, at, skip, hash }: ShownRange): string[] | null {
  const lines = output.slice(at, at + last - first + 1).map((line) => line.slice(skip));
  return hashLines(lines) === hash ? lines : null;
}

/**
 * The text of a file's lines as the model saw them, each from the newest output that shows it.
 * @param showings newest first
 * @param wanted ranges of lines that are of interest
 */
export function shownLines(
  showings: readonly Showing[],
  path: string,
  wanted: readonly { first: number; last: number }[],
): [number, string][] {
  const found = new Map<number, string>();
  const ranges = merge(wanted);
  const isWanted = (from: number, to: number) => ranges.some(({ first, last }) => first <= to && last >= from);
  for (const { content, evidence } of showings) {
    const asked = evidence
      .filter((file) => file.path === path)
      .flatMap((file) => file.ranges)
      .filter((range) => isWanted(range.first, range.last));
    if (asked.length === 0) continue;
    const output = content.split("\n");
    for (const range of asked) {
      const lines = linesOf(output, range) ?? [];
      for (const [index, text] of lines.entries()) {
        const number = range.first + index;
        if (!found.has(number) && isWanted(number, number)) found.set(number, text);
      }
    }
  }
  return [...found].sort(([a], [b]) => a - b);
}

function merge(ranges: readonly { first: number; last: number }[]): { first: number; last: number }[] {
  const merged: { first: number; last: number }[] = [];
  for (const { first, last } of [...ranges].sort((a, b) => a.first - b.first)) {
    const before = merged.at(-1);
    if (before && first <= before.last + 1) before.last = Math.max(before.last, last);
    else merged.push({ first, last });
  }
  return merged;
}
