import type { FileHandle } from "node:fs/promises";
import { createDecoder, type Encoding, UTF_8 } from "./detect-encoding.ts";

export interface Line {
  /** From 1. */
  number: number;
  /** Without the line break and, in line 1, without a UTF-8 byte order mark; at most `maxLineBytes`. */
  bytes: Buffer;
  /** Bytes of the whole line without its line feed. */
  size: number;
  /** Whether `bytes` lacks the end of the line. */
  isCut: boolean;
}

interface ReadLinesOptions {
  /** The first line that is passed to `onLine`; earlier lines are only counted. */
  from: number;
  maxLineBytes: number;
  /** After `onLine` has returned false, lines are still counted up to this byte of the file. */
  countBytes: number;
  signal: AbortSignal;
  /** Text in another encoding is converted to UTF-8; lines and sizes are those of the converted text. */
  encoding?: Encoding;
}

const CHUNK_BYTES = 256 * 1024;
const LF = 0x0a;
const CR = 0x0d;
const BYTE_ORDER_MARK = Buffer.from([0xef, 0xbb, 0xbf]);

/** A search by `indexOf` costs more than to look at so many bytes. */
const NEAR = 16;

/** As `indexOf`, and quick also where most lines are short: a file may have millions of empty ones. */
function nextFeed(seen: Buffer, start: number): number {
  const near = Math.min(seen.length, start + NEAR);
  for (let at = start; at < near; at++) if (seen[at] === LF) return at;
  return seen.indexOf(LF, near);
}

/**
 * Reads a file line by line from its start. Uses memory for one chunk and one cut line, whatever the size of the file and of
 * its longest line. Calls `onLine` until it returns false.
 * @returns how many lines were counted, and whether the end of the file was reached
 */
export async function readLines(
  handle: FileHandle,
  { from, maxLineBytes, countBytes, signal, encoding = UTF_8 }: ReadLinesOptions,
  onLine: (line: Line) => boolean,
): Promise<{ lines: number; ended: boolean }> {
  const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
  const decode = encoding === UTF_8 ? null : createDecoder(encoding);
  const limit = maxLineBytes + BYTE_ORDER_MARK.length + 1;
  let pieces: Buffer[] = [];
  let held = 0;
  let size = 0;
  let number = 1;
  let wanted = true;

  function hold(seen: Buffer, start: number, end: number): void {
    size += end - start;
    if (!wanted || number < from || held >= limit) return;
    // Copied, because the next read overwrites the chunk.
    const kept = Buffer.from(seen.subarray(start, Math.min(end, start + limit - held)));
    pieces.push(kept);
    held += kept.length;
  }

  function endLine(): void {
    if (wanted && number >= from) {
      wanted = onLine({ number, size, ...trim(Buffer.concat(pieces)) });
      pieces = [];
      held = 0;
    }
    size = 0;
    number += 1;
  }

  function trim(bytes: Buffer): Pick<Line, "bytes" | "isCut"> {
    const start = number === 1 && bytes.subarray(0, 3).equals(BYTE_ORDER_MARK) ? 3 : 0;
    const end = held === size && bytes.at(-1) === CR ? bytes.length - 1 : bytes.length;
    return { bytes: bytes.subarray(start, Math.min(end, start + maxLineBytes)), isCut: end - start > maxLineBytes };
  }

  /** Counts the lines that nothing wants, among them all before `from`, and returns where the next one begins. */
  function count(seen: Buffer, begin: number): number {
    const stop = wanted ? from : Number.POSITIVE_INFINITY;
    let [lines, start] = [number, begin];
    while (lines < stop) {
      const feed = nextFeed(seen, start);
      if (feed === -1) break;
      size = 0;
      lines += 1;
      start = feed + 1;
    }
    number = lines;
    return start;
  }

  function take(seen: Buffer): void {
    for (let start = 0; start < seen.length; ) {
      if (!wanted || number < from) start = count(seen, start);
      const feed = seen.indexOf(LF, start);
      const end = feed === -1 ? seen.length : feed;
      hold(seen, start, end);
      if (end < seen.length) endLine();
      start = end + 1;
    }
  }

  for (let position = 0; ; ) {
    signal.throwIfAborted();
    if (!wanted && position >= countBytes) return { lines: number - 1, ended: false };
    const { bytesRead } = await handle.read(chunk, 0, CHUNK_BYTES, position);
    if (bytesRead === 0) break;
    position += bytesRead;
    const seen = chunk.subarray(0, bytesRead);
    take(decode === null ? seen : Buffer.from(decode(seen, true)));
  }
  if (decode !== null) take(Buffer.from(decode()));
  if (size > 0) endLine();
  return { lines: number - 1, ended: true };
}
