import { StringDecoder } from "node:string_decoder";
import { z } from "zod";
import { defineTool, type ToolContext } from "./define-tool.ts";
import { showPath } from "./output/show-path.ts";
import type { OpenedPath } from "./root/project-root.ts";
import { type Line, readLines } from "./root/read-lines.ts";
import { sniffFile } from "./root/sniff-file.ts";
import { MAX_FILE_BYTES } from "./search/ripgrep-arguments.ts";
import { MAX_PATH_LENGTH, textInput } from "./text-input.ts";
import { ToolFailure } from "./tool-failure.ts";

const DEFAULT_LINES = 400;
const MAX_LINES = 2000;
const MAX_LINE_BYTES = 2000;
/** The rest of a larger file is not read only to count its lines. */
const COUNTED_BYTES = 16 * 1024 * 1024;
/** Room for the heading and the note at the end, the path aside. */
const FRAME_BYTES = 300;

const Input = z.strictObject({
  path: textInput(MAX_PATH_LENGTH, "File to read, relative to the project's root"),
  start_line: z.int().min(1).optional().describe("First line to show; default 1"),
  end_line: z.int().min(1).optional().describe(`Last line to show; default: ${DEFAULT_LINES} lines from start_line`),
});

/** Shows lines of a text file, numbered. */
export const viewFile = defineTool({
  name: "view_file",
  description:
    `Read a text file with line numbers: ${DEFAULT_LINES} lines unless start_line and end_line say otherwise, at most ${MAX_LINES}. ` +
    "Says how to go on when there is more.",
  purpose: "to read lines of a file",
  input: Input,
  async run({ path, start_line = 1, end_line }, context) {
    if (end_line !== undefined && end_line < start_line) {
      throw new ToolFailure(`invalid input: end_line ${end_line} is before start_line ${start_line}`);
    }
    const opened = await context.root.open(path, "file");
    try {
      const name = showPath(opened.path);
      const look = await sniffFile(opened.handle);
      if (look === "empty") return { output: `${name} is empty`, truncated: false };
      if (look === "binary") return { output: `${name}: binary file, ${opened.size} bytes`, truncated: false };
      if (look === "utf-16")
        return { output: `${name}: UTF-16 text, ${opened.size} bytes, not shown`, truncated: false };
      return await view(opened, start_line, end_line ?? null, context);
    } finally {
      await opened.handle.close();
    }
  },
});

async function view(opened: OpenedPath, first: number, asked: number | null, { outputBytes, signal }: ToolContext) {
  const name = showPath(opened.path);
  const last = Math.min(asked ?? first + DEFAULT_LINES - 1, first + MAX_LINES - 1);
  let room = outputBytes - FRAME_BYTES - 2 * Buffer.byteLength(name);
  let lineCut = false;
  const shown: string[] = [];
  // A byte that is not UTF-8 is shown as three, so a quarter surely fits.
  const maxLineBytes = Math.max(1, Math.min(MAX_LINE_BYTES, Math.floor(room / 4)));
  const options = { from: first, maxLineBytes, countBytes: COUNTED_BYTES, signal };
  const more = opened.size > MAX_FILE_BYTES ? "the rest of it cannot be shown" : "grep shows parts of it";
  const { lines, ended } = await readLines(opened.handle, options, (line) => {
    const text = numbered(line, maxLineBytes, more);
    room -= Buffer.byteLength(text) + 1;
    // One line is always shown: a call that gives nothing could be repeated for ever.
    if (room < 0 && shown.length > 0) return false;
    shown.push(text);
    if (line.size > maxLineBytes) lineCut = true;
    return line.number < last && room > 0;
  });

  const end = first + shown.length - 1;
  const total = ended ? String(lines) : `more than ${lines}`;
  if (shown.length === 0) {
    throw new ToolFailure(`start_line ${first} is beyond the end: ${name} has ${lines} lines`);
  }
  const output = [`${name} (lines ${first}-${end} of ${total})`, ...shown];
  const goesOn = !ended || end < lines;
  // The end that was asked for is no cut, unless it was not reached.
  const cut = goesOn && (asked === null || end < asked);
  if (goesOn) output.push(`[${cut ? "cut" : "more"}: continue with start_line=${end + 1}]`);
  return { output: output.join("\n"), truncated: cut || lineCut };
}

function numbered({ number, bytes, size }: Line, maxLineBytes: number, more: string): string {
  if (size <= maxLineBytes) return `${String(number).padStart(6)}\t${bytes.toString("utf8")}`;
  // The decoder keeps back a character that the cut has torn.
  const text = new StringDecoder("utf8").write(bytes);
  return `${String(number).padStart(6)}\t${text}… [line cut: ${size} bytes in all; ${more}]`;
}
