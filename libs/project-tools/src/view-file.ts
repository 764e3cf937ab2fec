import { z } from "zod";
import { defineTool, type ToolContext } from "./define-tool.ts";
import { showPath } from "./output/show-path.ts";
import type { ShownEntry } from "./output/to-evidence.ts";
import { type Encoding, readEncoding, UTF_8 } from "./project/detect-encoding.ts";
import { openAsked } from "./project/open-asked.ts";
import type { OpenedPath } from "./project/project-root.ts";
import { type PartLine, readPart } from "./reading/read-part.ts";
import { MAX_SEARCHED_BYTES } from "./search/ripgrep-arguments.ts";
import { MAX_PATH_LENGTH, textInput } from "./text-input.ts";
import { ToolFailure } from "./tool-failure.ts";

const DEFAULT_LINES = 400;
const MAX_LINES = 2000;
const MAX_LINE_BYTES = 2000;
/** Lines are counted up to this byte: a larger file is not read to its end only to report its number of lines. */
const COUNTED_BYTES = 16 * 1024 * 1024;
/** Reserved for the heading and the note at the end, without the path. */
const FRAME_BYTES = 300;

const Input = z.strictObject({
  path: textInput(MAX_PATH_LENGTH, "File to read, relative to the project's root"),
  start_line: z.int().min(1).optional().describe("First line to show; default 1"),
  end_line: z
    .int()
    .min(-1)
    .optional()
    .describe(`Last line to show; -1 is the last of the file; default: ${DEFAULT_LINES} lines from start_line`),
});

/** Shows a range of lines of a text file, numbered. */
export const viewFile = defineTool({
  name: "view_file",
  description:
    `Read a text file with line numbers: ${DEFAULT_LINES} lines unless start_line and end_line say otherwise, at most ${MAX_LINES}. ` +
    "If there is more, the output ends with the start_line to continue from. " +
    "Files that may hold secrets, such as .env and private keys, are withheld: do not guess what they contain.",
  purpose: "to read lines of a file",
  input: Input,
  async run({ path, start_line, end_line }, context) {
    const opened = await openAsked(path, "file", context);
    try {
      const name = showPath(opened.path);
      const named = [{ path: opened.path, at: 0 }];
      const encoding = await readEncoding(opened.handle);
      if (encoding === "empty") return { output: `${name} is empty`, truncated: false, shown: named };
      if (encoding === "binary") {
        return { output: `${name}: binary file, ${opened.size} bytes`, truncated: false, shown: named };
      }
      // The lines in `a.ts:12-20` count only if the call names no lines itself.
      const inPath = start_line === undefined && end_line === undefined ? opened.lines : null;
      const first = start_line ?? Math.max(1, inPath?.first ?? 1);
      const last = end_line ?? inPath?.last ?? null;
      const asked = last !== null && last < 1 ? Number.MAX_SAFE_INTEGER : last;
      return await view(opened, encoding, first, asked, context);
    } finally {
      await opened.handle.close();
    }
  },
});

/** @param asked the requested last line; null for the default number of lines */
async function view(
  opened: OpenedPath,
  encoding: Encoding,
  first: number,
  asked: number | null,
  { outputBytes, signal }: ToolContext,
) {
  if (asked !== null && asked < first) {
    throw new ToolFailure(`invalid input: end_line ${asked} is before start_line ${first}`);
  }
  const name = showPath(opened.path);
  const last = Math.min(asked ?? first + DEFAULT_LINES - 1, first + MAX_LINES - 1);
  const room = outputBytes - FRAME_BYTES - 2 * Buffer.byteLength(name);
  const advice = opened.size > MAX_SEARCHED_BYTES ? "the rest of it cannot be shown" : "grep shows parts of it";
  // An invalid byte becomes U+FFFD, which takes three bytes, so a line of a quarter of the room always fits. At least one line is
  // always shown, because the model might repeat a call without output forever.
  const part = await readPart(opened, {
    ...{ first, last, encoding, signal, room, countBytes: COUNTED_BYTES },
    maxLineBytes: Math.max(1, Math.min(MAX_LINE_BYTES, Math.floor(room / 4))),
    costOf: (line) => Buffer.byteLength(numbered(line, advice)) + 1,
  });
  const { counted: lines, ended } = part;
  const texts = part.lines.map((line) => numbered(line, advice));
  const lineCut = part.lines.some(({ isCut }) => isCut);
  const shown: ShownEntry[] = [{ path: opened.path, at: 0 }];
  for (const [index, { number, isCut }] of part.lines.entries()) {
    const skip = (texts[index] ?? "").indexOf("\t") + 1;
    if (!isCut) shown.push({ path: opened.path, at: index + 1, line: { number, skip } });
  }

  const end = first + texts.length - 1;
  const total = ended ? String(lines) : `more than ${lines}`;
  if (texts.length === 0) {
    throw new ToolFailure(`start_line ${first} is beyond the end: ${name} has ${lines} lines`);
  }
  const decoded = encoding === UTF_8 ? "" : `, decoded from ${encoding}`;
  const output = [`${name} (lines ${first}-${end} of ${total}${decoded})`, ...texts];
  const hasMore = !ended || end < lines;
  // Stopping at the requested end_line is not a cut; stopping before it is.
  const cut = hasMore && (asked === null || end < asked);
  if (hasMore) output.push(`[${cut ? "cut" : "more"}: continue with start_line=${end + 1}]`);
  return { output: output.join("\n"), truncated: cut || lineCut, shown };
}

function numbered({ number, text, size, isCut }: PartLine, advice: string): string {
  const line = `${String(number).padStart(6)}\t${text}`;
  return isCut ? `${line}… [line cut: ${size} bytes in all; ${advice}]` : line;
}
