import { isUtf8 } from "node:buffer";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ToolContext } from "../define-tool.ts";
import { createDecoder, type Encoding, readEncoding, UTF_8 } from "../project/detect-encoding.ts";
import { readStart } from "../project/read-start.ts";
import type { Withheld } from "./find-withheld.ts";
import type { Ignores } from "./list-files.ts";
import { createPathSet } from "./path-set.ts";
import { ripgrep } from "./ripgrep.ts";
import { commonArguments, globArguments, MAX_SEARCHED_BYTES, pathArguments, withoutDot } from "./ripgrep-arguments.ts";

/** Decoded copies of text files that ripgrep alone would search wrongly or not at all. */
export interface OtherTexts {
  /** The folder of the copies. A copy is named by its index in `copies`, which is sorted by path. */
  folder: string;
  copies: { path: string; encoding: Encoding }[];
  /** How many of the files are not text. */
  binary: number;
  /** How many were not examined, because there are too many. */
  left: number;
}

/** What is searched: a file or directory, relative to the root. */
export interface SearchedPath {
  path: string;
  globs: readonly string[];
  ignores: Ignores;
  /** The paths that are not ignored; null when ripgrep leaves out those that are. */
  allowed: ReadonlySet<string> | null;
  withheld: Withheld;
}

/** Beyond these, files are only counted. */
const FOUND = { paths: 50_000, bytes: 16 * 1024 * 1024 };
const MAX_EXAMINED = 5000;
const MAX_COPIES = 1000;
const MAX_COPIED_BYTES = 64 * 1024 * 1024;

/**
 * NUL, or invalid UTF-8: a byte that never occurs, an unexpected continuation byte, or a character with too few of them.
 */
const OTHER_TEXT = [
  "(?-u)\\x00",
  "[\\xC0\\xC1\\xF5-\\xFF]",
  "(?m:^|[\\x00-\\x7F])[\\x80-\\xBF]",
  "[\\xC2-\\xDF][\\x80-\\xBF]{2}",
  "[\\xE0-\\xEF][\\x80-\\xBF]{3}",
  "[\\xF0-\\xF4][\\x80-\\xBF]{4}",
  "[\\xC2-\\xDF](?m:[^\\x80-\\xBF]|$)",
  "[\\xE0-\\xEF][\\x80-\\xBF]?(?m:[^\\x80-\\xBF]|$)",
  "[\\xF0-\\xF4][\\x80-\\xBF]{0,2}(?m:[^\\x80-\\xBF]|$)",
].join("|");

/** Whether a file is UTF-8 that may be shown: not one of those that `withOtherTexts` copies, nor withheld or outside the root. */
export async function isPlainText(path: string, { root }: ToolContext): Promise<boolean> {
  const opened = await root.tryOpen(path, "file");
  if (opened === null) return false;
  try {
    const bytes = await readStart(opened.handle, MAX_SEARCHED_BYTES);
    return isUtf8(bytes) && !bytes.includes(0);
  } finally {
    await opened.handle.close();
  }
}

/**
 * Runs `work` with a function that finds files that contain NUL or are not UTF-8, and makes decoded copies of those that are text:
 * ripgrep alone would skip files with NUL, and would not find words in other encodings. The files are read through the verified
 * root. The function reads every file, so a search that has enough matches should not call it.
 */
export async function withOtherTexts<T>(
  searched: SearchedPath,
  context: ToolContext,
  work: (texts: () => Promise<OtherTexts>) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "boocode-texts-"));
  let copied: Promise<OtherTexts> | null = null;
  try {
    return await work(() => {
      copied ??= copyTexts(searched, folder, context);
      return copied;
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function copyTexts(searched: SearchedPath, folder: string, context: ToolContext): Promise<OtherTexts> {
  const { root, signal } = context;
  const { found, more } = await findOtherTexts(searched, context);
  const paths = found.sort(comparePaths);
  const texts: OtherTexts = { folder, copies: [], binary: 0, left: more };
  let room = MAX_COPIED_BYTES;
  for (const [index, path] of paths.entries()) {
    signal.throwIfAborted();
    if (index === MAX_EXAMINED || texts.copies.length === MAX_COPIES || room <= 0) {
      texts.left += paths.length - index;
      break;
    }
    const opened = await root.tryOpen(path, "file");
    if (opened === null) continue;
    try {
      if (opened.size > MAX_SEARCHED_BYTES) continue;
      const encoding = await readEncoding(opened.handle);
      if (encoding === "binary") texts.binary += 1;
      if (encoding === "binary" || encoding === "empty") continue;
      const bytes = await readStart(opened.handle, MAX_SEARCHED_BYTES);
      const copy = encoding === UTF_8 ? bytes : Buffer.from(createDecoder(encoding)(bytes));
      room -= copy.length;
      await writeFile(join(texts.folder, String(texts.copies.length).padStart(6, "0")), copy);
      texts.copies.push({ path, encoding });
    } finally {
      await opened.handle.close();
    }
  }
  return texts;
}

async function findOtherTexts(
  { path, globs, ignores, allowed, withheld }: SearchedPath,
  context: ToolContext,
): Promise<{ found: string[]; more: number }> {
  const args = [
    ...commonArguments(ignores.files),
    ...["--files-with-matches", "--null", "--text", "--encoding=none", `--max-filesize=${MAX_SEARCHED_BYTES}`],
    ...["-e", OTHER_TEXT, ...globArguments(globs, context.root.closed), ...withheld.globs, ...pathArguments(path)],
  ];
  const run = { args, cwd: context.root.stablePath, separator: 0, signal: context.signal, limits: context.limits };
  const { paths, tryAdd } = createPathSet(FOUND);
  let more = 0;
  for await (const { bytes } of ripgrep(run)) {
    const file = withoutDot(bytes.toString("utf8"));
    if ((allowed?.has(file) ?? true) && !tryAdd(file)) more += 1;
  }
  return { found: [...paths], more };
}

/** Compares as `rg --sort=path` does: name by name. */
export function comparePaths(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a.replaceAll("/", "\0")), Buffer.from(b.replaceAll("/", "\0")));
}
