import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import type { ToolContext } from "../define-tool.ts";
import type { ProjectRoot } from "../root/project-root.ts";
import { ToolFailure } from "../tool-failure.ts";
import { ripgrep } from "./ripgrep.ts";
import { commonArguments, globArguments, pathArguments, withoutDot } from "./ripgrep-arguments.ts";
import { scopeIgnores } from "./scope-patterns.ts";

/** In the order of their word: what a later one says wins, as ripgrep has it. */
const NAMES = [".gitignore", ".ignore"];
const MAX_FILES = 2000;
const MAX_FILE_BYTES = 256 * 1024;
/** Of all files together. A repository with more says nothing of use, and each pattern costs memory here and in ripgrep. */
const MAX_PATTERNS = 20_000;

/**
 * Runs `work` with the path of one ignore file that says what all the ignore files of the project say about `directory`
 * (null when there is nothing to say). They are read through the verified root: see `commonArguments` for why
 * ripgrep does not do it. Those above `directory` count too, up to the root and no further.
 */
export async function* withIgnores<T>(
  directory: string,
  context: ToolContext,
  work: (ignores: string | null) => AsyncIterable<T>,
): AsyncGenerator<T> {
  const folder = await mkdtemp(join(tmpdir(), "boocode-ignores-"));
  try {
    const file = join(folder, "ignores");
    const write = async (directories: string[]) => {
      const lines = await readIgnores(context.root, directories);
      if (lines.length === 0) return null;
      await writeFile(file, `${lines.join("\n")}\n`);
      return file;
    };
    const above = ancestors(directory);
    // What the files above ignore is not entered to look for more: node_modules, above all.
    const below = await listDirectories(directory, await write(above), context);
    yield* work(await write([...new Set([...above, ...below])]));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The directory and those above it, the root first. */
function ancestors(directory: string): string[] {
  const names = directory === "." ? [] : directory.split("/");
  return [".", ...names.map((_, index) => names.slice(0, index + 1).join("/"))];
}

/** Directories below `directory` that hold an ignore file, those above before those below. */
async function listDirectories(directory: string, ignores: string | null, context: ToolContext): Promise<string[]> {
  const found: string[] = [];
  const args = [
    ...commonArguments(ignores),
    ...["--files", "--null", ...globArguments(NAMES)],
    ...pathArguments(directory),
  ];
  const run = { args, cwd: context.root.through, separator: 0, signal: context.signal, slots: context.slots };
  for await (const { bytes } of ripgrep(run)) {
    found.push(posix.dirname(withoutDot(bytes.toString("utf8"))));
    if (found.length === MAX_FILES) break;
  }
  return [...new Set(found)].sort((a, b) => a.split("/").length - b.split("/").length);
}

/** What is over the limit ignores nothing: the files deepest in the tree are read last. */
async function readIgnores(root: ProjectRoot, directories: string[]): Promise<string[]> {
  let lines: string[] = [];
  for (const name of NAMES) {
    for (const directory of directories) {
      const text = await readSmallFile(root, posix.join(directory, name));
      if (text !== null) lines = [...lines, ...scopeIgnores(text, directory)].slice(0, MAX_PATTERNS);
      if (lines.length === MAX_PATTERNS) return lines;
    }
  }
  return lines;
}

/** null: there is none, or it is none that may be read. */
async function readSmallFile(root: ProjectRoot, path: string): Promise<string | null> {
  const opened = await root.open(path, "file").catch((error: unknown) => {
    if (error instanceof ToolFailure) return null;
    throw error;
  });
  if (opened === null) return null;
  try {
    const { bytesRead, buffer } = await opened.handle.read(Buffer.alloc(MAX_FILE_BYTES), 0, MAX_FILE_BYTES, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await opened.handle.close();
  }
}
