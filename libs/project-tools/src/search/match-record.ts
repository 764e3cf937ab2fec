import { z } from "zod";
import type { SplitRecord } from "./split-records.ts";

/** A match that ripgrep reports. It is shown only after `readMatches` has verified it. */
export interface Candidate {
  path: string;
  line: number;
  /** The line without its line break; null when it is too long to read. */
  bytes: Buffer | null;
  /** Byte offset of the first match in the line. */
  start: number;
}

/** ripgrep encodes text that is not UTF-8 in base64. */
const Text = z.union([
  z.object({ text: z.string() }).transform(({ text }) => Buffer.from(text)),
  z.object({ bytes: z.base64() }).transform(({ bytes }) => Buffer.from(bytes, "base64")),
]);
const Path = z.object({ text: z.string() });

const Match = z.object({
  type: z.literal("match"),
  data: z.object({
    path: Path,
    lines: Text,
    line_number: z.int(),
    submatches: z.array(z.object({ start: z.int() })),
  }),
});

/** The start of a match record, up to the path. */
const BEGINNING = /^\{"type":"match","data":\{"path":(\{"text":"(?:[^"\\]|\\.)*"\})/;
const BEGINNING_BYTES = 32 * 1024;
/** What follows the line's text in a record. Inside the text the quotes would be escaped. */
const AFTER_LINE = '},"line_number":';

/**
 * Parses one record of `rg --json`. If the record was cut within the positions of its matches, as for a very long line with many
 * matches, the first position is used; if it was cut earlier, only its path is known.
 * https://docs.rs/grep-printer/latest/grep_printer/struct.JSON.html
 * @returns null for other kinds of records, and for file names that are not UTF-8, which no tool can open
 */
export function readMatchRecord({ bytes, complete }: SplitRecord): Candidate | null {
  if (complete) return toCandidate(JSON.parse(bytes.toString("utf8")));
  const path = BEGINNING.exec(bytes.toString("utf8", 0, BEGINNING_BYTES))?.[1];
  if (path === undefined) return null;
  const text = bytes.toString("utf8");
  const after = text.indexOf(AFTER_LINE);
  const [, line, start] =
    /^(\d+),.*?"\},"start":(\d+)/s.exec(after === -1 ? "" : text.slice(after + AFTER_LINE.length)) ?? [];
  if (line === undefined) return { path: Path.parse(JSON.parse(path)).text, line: 0, bytes: null, start: 0 };
  return toCandidate(JSON.parse(`${text.slice(0, after)}${AFTER_LINE}${line},"submatches":[{"start":${start}}]}}`));
}

function toCandidate(record: unknown): Candidate | null {
  const parsed = Match.safeParse(record);
  if (!parsed.success) return null;
  const { path, lines, line_number, submatches } = parsed.data.data;
  return { path: path.text, line: line_number, bytes: withoutLineBreak(lines), start: submatches[0]?.start ?? 0 };
}

function withoutLineBreak(line: Buffer): Buffer {
  let end = line.length;
  if (line[end - 1] === 0x0a) end -= 1;
  if (line[end - 1] === 0x0d) end -= 1;
  return line.subarray(0, end);
}
