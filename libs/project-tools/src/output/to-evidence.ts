import type { ShownFile, ShownRange } from "@boocode/contracts";
import { hashLines } from "../citations/hash-lines.ts";

/** What one line of a tool's output shows: a file's name, or a whole line of a file. */
export interface ShownEntry {
  /** Relative to the root, without symlinks. */
  path: string;
  /** The line of the output, from 0. */
  at: number;
  /** The line of the file, and how many UTF-16 units stand before its text; absent: only the name is shown. */
  line?: { number: number; skip: number };
}

/** The most that the evidence of one output takes, about, in bytes of JSON. What does not fit is not evidence. */
const MAX_BYTES = 64 * 1024;
const RANGE_BYTES = 90;
const FILE_BYTES = 30;

/**
 * States what an output shows of files, as it is after it was cleaned and cut: only lines before the cut are evidence.
 * @param kept how many lines of the output are the tool's own
 */
export function toEvidence(output: string, kept: number, entries: readonly ShownEntry[]): ShownFile[] {
  if (entries.length === 0) return [];
  const lines = output.split("\n");
  const files = new Map<string, Omit<ShownRange, "hash">[]>();
  let room = MAX_BYTES;
  for (const { path, at, line } of entries) {
    if (at >= kept) break;
    let ranges = files.get(path);
    if (!ranges) {
      room -= FILE_BYTES + Buffer.byteLength(path);
      if (room < 0) break;
      ranges = [];
      files.set(path, ranges);
    }
    if (!line) continue;
    const { number, skip } = line;
    const last = ranges.at(-1);
    const follows = last && number === last.last + 1 && skip === last.skip && at === last.at + (number - last.first);
    if (follows) {
      last.last = number;
      continue;
    }
    room -= RANGE_BYTES;
    if (room < 0) break;
    ranges.push({ first: number, last: number, at, skip });
  }
  return [...files].map(([path, ranges]) => ({
    path,
    ranges: ranges.map((range) => {
      const shown = lines
        .slice(range.at, range.at + range.last - range.first + 1)
        .map((text) => text.slice(range.skip));
      return { ...range, hash: hashLines(shown) };
    }),
  }));
}
