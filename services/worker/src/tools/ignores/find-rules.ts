import { posix } from "node:path";
import type { ToolContext } from "../define-tool.ts";
import type { ProjectRoot } from "../project/project-root.ts";
import { ripgrep } from "../search/ripgrep.ts";
import { commonArguments, pathArguments, withoutDot } from "../search/ripgrep-arguments.ts";
import { type IgnorePattern, parseIgnoreFile } from "./ignore-pattern.ts";
import { readOuterRules } from "./read-outer-rules.ts";
import { MAX_IGNORE_BYTES, type Repository, readRepository } from "./read-repository.ts";
import { readSmallFile } from "./read-small-file.ts";

/** Both kinds of ignore files, in ascending precedence. The second is ripgrep's own. */
const NAMES = [".gitignore", ".ignore"] as const;
const MAX_FILES = 2000;
/** Each round finds the ignore files in directories that the rules of the round before have revealed. */
const MAX_ROUNDS = 10;

/** The rules that one directory sets for the files below it. */
interface DirectoryRules {
  repository: Repository | null;
  patterns: Record<(typeof NAMES)[number], IgnorePattern[]>;
}

export interface Rules {
  /** Those of a repository around the project. */
  outer: readonly IgnorePattern[];
  /** By path, relative to the root. */
  directories: ReadonlyMap<string, DirectoryRules>;
}

/**
 * Reads the rules that apply below `directory`: those in, below and above it up to the root, and those of a repository around the
 * project. Ignored directories, such as node_modules, are not searched for further ignore files, except submodules, which are tracked.
 * @param write writes the rules found so far to an ignore file for ripgrep, and returns its path; null when there are none
 */
export async function findRules(
  directory: string,
  write: (rules: Rules) => Promise<string | null>,
  context: ToolContext,
): Promise<Rules> {
  const { root } = context;
  const directories = new Map<string, DirectoryRules>();
  const add = async (paths: Iterable<string>) => {
    for (const path of paths) if (!directories.has(path)) directories.set(path, await readRules(root, path));
  };
  const above = ancestors(directory);
  await add(above);
  const rules = { outer: directories.get(".")?.repository ? [] : await readOuterRules(root), directories };
  for (let round = 1; ; round++) {
    const found = await listDirectories(directory, await write(rules), context);
    const added = [...found].filter((path) => !directories.has(path));
    await add(added);
    if (round < MAX_ROUNDS && added.some((path) => canReveal(directories.get(path)))) continue;
    // Rules in directories that a later ignore file hides do not count.
    for (const path of directories.keys()) if (!above.includes(path) && !found.has(path)) directories.delete(path);
    break;
  }
  for (;;) {
    const next = repositoriesOf(rules)
      .flatMap(({ submodules }) => submodules)
      .filter((path) => isBelow(path, directory) && !directories.has(path));
    if (next.length === 0) return rules;
    for (const path of next) {
      await add([path]);
      if (directories.get(path)?.repository) await add(await listDirectories(path, await write(rules), context));
    }
  }
}

export function repositoriesOf({ directories }: Rules): Repository[] {
  return [...directories.values()].flatMap(({ repository }) => repository ?? []);
}

export function isBelow(path: string, directory: string): boolean {
  return directory === "." || path.startsWith(`${directory}/`);
}

async function readRules(root: ProjectRoot, directory: string): Promise<DirectoryRules> {
  const read = async (name: string) => {
    const path = posix.join(directory, name);
    const content = await readSmallFile(root, path, MAX_IGNORE_BYTES, { followSymlink: false });
    return content === null ? [] : parseIgnoreFile(content);
  };
  return {
    repository: await readRepository(root, directory),
    patterns: { ".gitignore": await read(".gitignore"), ".ignore": await read(".ignore") },
  };
}

/** Whether a directory's rules can reveal directories with rules of their own, so that another round is needed. */
function canReveal(rules: DirectoryRules | undefined): boolean {
  if (rules === undefined) return false;
  return rules.repository !== null || Object.values(rules.patterns).some((list) => list.some(({ negated }) => negated));
}

/** Returns the directory and its ancestors up to the root, root first. */
function ancestors(directory: string): string[] {
  const names = directory === "." ? [] : directory.split("/");
  return [".", ...names.map((_, index) => names.slice(0, index + 1).join("/"))];
}

/** Finds the directories below `directory` that contain an ignore file or a git folder. */
async function listDirectories(
  directory: string,
  ignoreFile: string | null,
  context: ToolContext,
): Promise<Set<string>> {
  const found = new Set<string>();
  // A repository is recognized by .git/HEAD, or by a .git file. The rest of its git folder is not searched.
  const globs = [...NAMES, ".git", "**/.git/HEAD", "!**/.git/*/"].map((glob) => `--glob=${glob}`);
  const args = [...commonArguments(ignoreFile), "--files", "--null", ...globs, ...pathArguments(directory)];
  const run = { args, cwd: context.root.stablePath, separator: 0, signal: context.signal, slots: context.slots };
  for await (const { bytes } of ripgrep(run)) {
    found.add(posix.dirname(withoutDot(bytes.toString("utf8")).replace(/(^|\/)\.git\/HEAD$/, "$1.git")));
    if (found.size === MAX_FILES) break;
  }
  return found;
}
