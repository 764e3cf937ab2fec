import { posix } from "node:path";
import type { ToolContext } from "../define-tool.ts";
import { ripgrep } from "../search/ripgrep.ts";
import { commonArguments, exclusions, pathArguments, withoutDot } from "../search/ripgrep-arguments.ts";
import { readOuterRules } from "./read-outer-rules.ts";
import type { Repository } from "./read-repository.ts";
import { type DirectoryRules, readRules, takeLines } from "./read-rules.ts";
import { createRuleBudget } from "./rule-budget.ts";

/** What marks a directory with rules. A repository is recognized by `.git/HEAD`, or by a `.git` file. */
const MARKS = [".gitignore", ".ignore", ".git", "**/.git/HEAD"];
const MAX_DIRECTORIES = 2000;
/** Each round finds the ignore files in directories that the rules of the round before have revealed. */
const MAX_ROUNDS = 10;

export interface Rules {
  /** Those of a repository around the project, as lines for ripgrep; null if they are too large or too many. */
  outer: readonly string[] | null;
  /** By path, relative to the root. */
  directories: ReadonlyMap<string, DirectoryRules>;
}

/**
 * Reads the rules that apply below `directory`: those in, below and above it up to the root, and those of a repository around the
 * project. Ignored directories, such as node_modules, are not searched for further ignore files, except submodules, which are tracked.
 * @param write writes the rules found so far to ignore files for ripgrep, and returns their paths
 */
export async function findRules(
  directory: string,
  write: (rules: Rules) => Promise<string[]>,
  context: ToolContext,
): Promise<Rules> {
  const { root } = context;
  const directories = new Map<string, DirectoryRules>();
  const budget = createRuleBudget();
  const add = async (paths: Iterable<string>) => {
    // The first ones get what is left of the budget.
    for (const path of [...paths].sort(byDepth))
      if (!directories.has(path)) directories.set(path, await readRules(root, path, budget));
  };
  const above = ancestors(directory);
  await add(above);
  const outer = directories.get(".")?.repository ? [] : await readOuterRules(root);
  const rules = { outer: outer && takeLines(outer, ".", budget), directories };
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

/** Orders parents before their children. */
export function byDepth(a: string, b: string): number {
  const depth = (path: string) => (path === "." ? 0 : path.split("/").length);
  return depth(a) - depth(b) || (a < b ? -1 : 1);
}

/** Whether a directory's rules can reveal directories with rules of their own, so that another round is needed. */
function canReveal(rules: DirectoryRules | undefined): boolean {
  return rules !== undefined && (rules.repository !== null || rules.negates);
}

/** Returns the directory and its ancestors up to the root, root first. */
function ancestors(directory: string): string[] {
  const names = directory === "." ? [] : directory.split("/");
  return [".", ...names.map((_, index) => names.slice(0, index + 1).join("/"))];
}

/** Finds the directories below `directory` that contain an ignore file or a git folder. */
async function listDirectories(
  directory: string,
  ignoreFiles: readonly string[],
  context: ToolContext,
): Promise<Set<string>> {
  const found = new Set<string>();
  // The rest of a git folder is not searched.
  const globs = [...MARKS, "!**/.git/*/"].map((glob) => `--glob=${glob}`);
  const args = [
    ...commonArguments(ignoreFiles),
    "--files",
    "--null",
    ...globs,
    ...exclusions(context.root.closed),
    ...pathArguments(directory),
  ];
  const run = { args, cwd: context.root.stablePath, separator: 0, signal: context.signal, limits: context.limits };
  for await (const { bytes } of ripgrep(run)) {
    found.add(posix.dirname(withoutDot(bytes.toString("utf8")).replace(/(^|\/)\.git\/HEAD$/, "$1.git")));
    if (found.size === MAX_DIRECTORIES) {
      context.note(`ignore rules are applied in ${MAX_DIRECTORIES} directories only, and more have some`);
      break;
    }
  }
  return found;
}
