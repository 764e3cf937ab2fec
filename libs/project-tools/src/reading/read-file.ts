import { cleanText, type FileLines, jsonBytes, MAX_FILE_BYTES, MAX_FILE_LINES } from "@boocode/contracts";
import { hashLines } from "../citations/hash-lines.ts";
import { hasByteOrderMark, readEncoding, UTF_8 } from "../project/detect-encoding.ts";
import type { OpenedPath, ProjectRoot } from "../project/project-root.ts";
import { readStart } from "../project/read-start.ts";
import { readPart } from "./read-part.ts";
import type { ReadAnswer, ReadWork } from "./read-work.ts";

type FileWork = Extract<ReadWork, { kind: "file" }>;

/** A larger file holds data, not code: all of its lines could not be counted in a fraction of a second. */
const LARGEST_FILE = 256 * 2 ** 20;
/** What follows in a longer line is left out. */
const MAX_LINE_BYTES = 16 * 1024;
/** Of the answer's other fields: the path may take six bytes of JSON for each of its characters. */
const FRAME_BYTES = 30_000;
/** A cut line is listed with its number and size. */
const CUT_BYTES = 60;

/** Reads lines of a text file. @throws ToolFailure when the path cannot be opened */
export async function readFile(root: ProjectRoot, work: FileWork, signal: AbortSignal): Promise<ReadAnswer<FileWork>> {
  const opened = await root.open(work.path, "file");
  try {
    return await readOpened(opened, work, signal);
  } finally {
    await opened.handle.close();
  }
}

async function readOpened(
  opened: OpenedPath,
  { first, last = Number.MAX_SAFE_INTEGER }: FileWork,
  signal: AbortSignal,
): Promise<FileLines | { refused: "binary" | "too_large" }> {
  if (opened.size > LARGEST_FILE) return { refused: "too_large" };
  const encoding = await readEncoding(opened.handle);
  if (encoding === "binary") return { refused: "binary" };
  const part = await readPart(opened, {
    ...{ first, last: Math.min(last, first + MAX_FILE_LINES - 1), encoding: encoding === "empty" ? UTF_8 : encoding },
    ...{
      maxLineBytes: MAX_LINE_BYTES,
      room: MAX_FILE_BYTES - FRAME_BYTES,
      countBytes: Number.POSITIVE_INFINITY,
      signal,
    },
    costOf: ({ text, isCut }) => jsonBytes(text) + 3 + (isCut ? CUT_BYTES : 0),
  });
  // As in the outputs of tools, whose hashes are compared with this one.
  const lines = part.lines.map(({ text }) => cleanText(text));
  const end = first + lines.length - 1;
  return {
    path: opened.path,
    size: opened.size,
    encoding: encoding === "empty" ? UTF_8 : encoding,
    byte_order_mark: hasByteOrderMark(await readStart(opened.handle, 3)),
    total_lines: part.counted,
    first,
    last: end,
    lines,
    cut_lines: part.lines.filter(({ isCut }) => isCut).map(({ number, size }) => ({ number, bytes: size })),
    has_more: end < part.counted,
    hash: hashLines(lines),
  };
}
