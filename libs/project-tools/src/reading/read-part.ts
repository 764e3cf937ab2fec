import { StringDecoder } from "node:string_decoder";
import type { Encoding } from "../project/detect-encoding.ts";
import type { OpenedPath } from "../project/project-root.ts";
import { readLines } from "../project/read-lines.ts";

/** A line of a part of a file. */
export interface PartLine {
  /** From 1. */
  number: number;
  text: string;
  /** Bytes of the whole line. */
  size: number;
  /** Whether the end of the line is left out. */
  isCut: boolean;
}

interface PartOptions {
  /** The lines that are wanted, from 1. */
  first: number;
  last: number;
  encoding: Encoding;
  /** What follows in a longer line is left out. */
  maxLineBytes: number;
  /** Limit of the costs of all lines. The first line is returned in any case. */
  room: number;
  costOf(line: PartLine): number;
  /** See `readLines`. */
  countBytes: number;
  signal: AbortSignal;
}

interface FilePart {
  lines: PartLine[];
  /** How many lines of the file were counted, and whether these are all. */
  counted: number;
  ended: boolean;
}

/** Reads a range of lines of a text file, within limits. view_file and the API's readers both use it. */
export async function readPart({ handle }: Pick<OpenedPath, "handle">, options: PartOptions): Promise<FilePart> {
  const { first, last, maxLineBytes, costOf, ...reading } = options;
  const lines: PartLine[] = [];
  let { room } = options;
  const { lines: counted, ended } = await readLines(
    handle,
    { ...reading, from: first, maxLineBytes },
    ({ number, bytes, size, isCut }) => {
      // The decoder drops an incomplete character at the cut.
      const text = isCut ? new StringDecoder("utf8").write(bytes) : bytes.toString("utf8");
      const line = { number, text, size, isCut };
      room -= costOf(line);
      if (room < 0 && lines.length > 0) return false;
      lines.push(line);
      return number < last && room > 0;
    },
  );
  return { lines, counted, ended };
}
