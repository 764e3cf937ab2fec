import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import type { ToolContext } from "../define-tool.ts";
import type { ProjectRoot } from "../project/project-root.ts";
import { ripgrep } from "./ripgrep.ts";
import { commonArguments, globArguments, pathArguments, withoutDot } from "./ripgrep-arguments.ts";
import { scopeIgnores } from "./scope-patterns.ts";

/** In ascending precedence, as in ripgrep: the last matching pattern wins. */
const NAMES = [".gitignore", ".ignore"];
const MAX_FILES = 2000;
const MAX_FILE_BYTES = 256 * 1024;
/** Limit of all files together: each pattern costs memory here and in ripgrep. */
const MAX_PATTERNS = 20_000;

/**
 * Runs `work` with the path of one temporary ignore file that combines all the project's ignore files that apply to
 * `directory`: those in it, below it, and above it up to the root. The path is null when there are none. The files are read
 * through the verified root; `commonArguments` explains why ripgrep does not read them itself.
 */
export async function* withIgnores<T>(
  directory: string,
  context: ToolContext,
  work: (ignoreFile: string | null) => AsyncIterable<T>,
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
    // Directories that are ignored from above, such as node_modules, are not searched for more ignore files.
    const below = await listDirectories(directory, await write(above), context);
    yield* work(await write([...new Set([...above, ...below])]));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The directory and its ancestors up to the root, root first. */
function ancestors(directory: string): string[] {
  const names = directory === "." ? [] : directory.split("/");
  return [".", ...names.map((_, index) => names.slice(0, index + 1).join("/"))];
}

/** Directories below `directory` that contain an ignore file, parents before children. */
async function listDirectories(directory: string, ignoreFile: string | null, context: ToolContext): Promise<string[]> {
  const found: string[] = [];
  const args = [
    ...commonArguments(ignoreFile),
    ...["--files", "--null", ...globArguments(NAMES)],
    ...pathArguments(directory),
  ];
  const run = { args, cwd: context.root.stablePath, separator: 0, signal: context.signal, slots: context.slots };
  for await (const { bytes } of ripgrep(run)) {
    found.push(posix.dirname(withoutDot(bytes.toString("utf8"))));
    if (found.length === MAX_FILES) break;
  }
  return [...new Set(found)].sort((a, b) => a.split("/").length - b.split("/").length);
}

/** Patterns beyond the limit are dropped. Files deepest in the tree come last, so they are dropped first. */
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

/** @returns null when the file does not exist or cannot be read */
async function readSmallFile(root: ProjectRoot, path: string): Promise<string | null> {
  const opened = await root.tryOpen(path, "file");
  if (opened === null) return null;
  try {
    const { bytesRead, buffer } = await opened.handle.read(Buffer.alloc(MAX_FILE_BYTES), 0, MAX_FILE_BYTES, 0);
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await opened.handle.close();
  }
}
