import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, posix } from "node:path";
import type { ToolContext } from "../define-tool.ts";
import { showPath } from "../output/show-path.ts";
import { type Ignores, listFiles, NOTHING_IGNORED } from "../search/list-files.ts";
import { ripgrep } from "../search/ripgrep.ts";
import { commonArguments, pathArguments, withoutDot } from "../search/ripgrep-arguments.ts";
import { exactLine, type IgnorePattern, parseIgnoreFile, toRipgrepLine } from "./ignore-pattern.ts";
import { readOuterRules } from "./read-outer-rules.ts";
import { MAX_IGNORE_BYTES, type Repository, readRepository } from "./read-repository.ts";
import { readSmallFile } from "./read-small-file.ts";

/** Both kinds of ignore files, in ascending precedence. The second is ripgrep's own. */
const NAMES = [".gitignore", ".ignore"] as const;
const MAX_FILES = 2000;
/** Each round finds the ignore files in directories that the rules of the round before have revealed. */
const MAX_ROUNDS = 10;
/** Limit for all ignore files together: each pattern costs memory here and in ripgrep. */
const MAX_PATTERNS = 20_000;
/** Limit of tracked files that get a line of their own, because an ignore pattern matches them. */
const MAX_TRACKED = 20_000;

/**
 * Runs `work` with one temporary ignore file for ripgrep, which leaves what git would list below `directory`
 * (`git ls-files --cached --others --exclude-standard`). It combines the ignore files in, below and above the directory up to the
 * root, those of a repository around the project, `info/exclude`, and the tracked files of every index. All are read through the
 * verified root; `commonArguments` explains why ripgrep does not read them itself.
 */
export async function withIgnores<T>(
  directory: string,
  includeIgnored: boolean,
  context: ToolContext,
  work: (ignores: Ignores) => Promise<T>,
): Promise<T> {
  if (includeIgnored) return work(NOTHING_IGNORED);
  const folder = await mkdtemp(join(tmpdir(), "boocode-ignores-"));
  try {
    return await work(await collect(directory, join(folder, "ignores"), context));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function collect(directory: string, file: string, context: ToolContext): Promise<Ignores> {
  const { root } = context;
  const rules = new Map<string, DirectoryRules>();
  const add = async (directories: Iterable<string>) => {
    for (const path of directories) if (!rules.has(path)) rules.set(path, await readRules(root, path));
  };
  const repositories = () => [...rules.values()].flatMap(({ repository }) => repository ?? []);
  const write = async (rescued: string[]) => {
    const lines = composeLines(outer, rules, rescued);
    if (lines.length === 0) return null;
    await writeFile(file, Buffer.from(`${lines.join("\n")}\n`, "latin1"));
    return file;
  };

  const above = ancestors(directory);
  await add(above);
  const outer = rules.get(".")?.repository ? [] : await readOuterRules(root);
  // Ignored directories, such as node_modules, are not searched for further ignore files.
  for (let round = 1; ; round++) {
    const found = await listDirectories(directory, await write([]), context);
    const added = [...found].filter((path) => !rules.has(path));
    await add(added);
    if (round < MAX_ROUNDS && added.some((path) => canReveal(rules.get(path)))) continue;
    // Rules in directories that a later ignore file hides do not count.
    for (const path of rules.keys()) if (!above.includes(path) && !found.has(path)) rules.delete(path);
    break;
  }
  await addSubmodules();
  const tracked = repositories().flatMap(({ files }) => files.filter((path) => isBelow(path, directory)));
  noteProblems(repositories(), context);
  if (tracked.length === 0 && submodules().length === 0) return { file: await write([]), listed: null };

  const list = async (rescued: string[]) =>
    listFiles(directory, [], { file: await write(rescued), listed: null }, context);
  const rescued: string[] = [];
  let listed = await list(rescued);
  // A submodule is tracked, so git lists it even if an ignore pattern matches its directory.
  for (let left = submodules(); ; ) {
    const reached = parentsOf(listed, directory);
    left = left.filter((path) => !reached.has(path));
    const next = left.filter((path) => !left.some((other) => isBelow(path, other)));
    if (next.length === 0) break;
    left = left.filter((path) => !next.includes(path));
    append(rescued, rescue(next, "/", reached, directory));
    listed = await list(rescued);
  }
  const reached = parentsOf(listed, directory);
  const missing = tracked.filter((path) => !listed.has(path) && !reached.has(path)).slice(0, MAX_TRACKED);
  if (missing.length === 0) return { file: await write(rescued), listed };
  append(rescued, rescue(missing, "", reached, directory));
  return { file: await write(rescued), listed: null };

  /** Reads the rules of submodules in ignored directories, which the rounds above do not reach. */
  async function addSubmodules(): Promise<void> {
    for (;;) {
      const next = repositories()
        .flatMap((repository) => repository.submodules)
        .filter((path) => isBelow(path, directory) && !rules.has(path));
      if (next.length === 0) return;
      for (const path of next) {
        await add([path]);
        if (rules.get(path)?.repository) await add(await listDirectories(path, await write([]), context));
      }
    }
  }

  function submodules(): string[] {
    const all = repositories().flatMap((repository) => repository.submodules);
    return all.filter((path) => isBelow(path, directory) && rules.get(path)?.repository);
  }
}

/** The rules that one directory sets for the files below it. */
interface DirectoryRules {
  repository: Repository | null;
  patterns: Record<(typeof NAMES)[number], IgnorePattern[]>;
}

async function readRules(root: ToolContext["root"], directory: string): Promise<DirectoryRules> {
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

/**
 * Composes the lines of the ignore file. In ripgrep the last matching line decides, so parents come before children. Lines beyond
 * the limit are dropped, those of the deepest directories first.
 */
function composeLines(
  outer: readonly IgnorePattern[],
  rules: ReadonlyMap<string, DirectoryRules>,
  rescued: readonly string[],
): string[] {
  const depth = (path: string) => (path === "." ? 0 : path.split("/").length);
  const directories = [...rules].sort(([a], [b]) => depth(a) - depth(b));
  const toLines = (patterns: readonly IgnorePattern[], directory: string) =>
    patterns.flatMap((pattern) => toRipgrepLine(pattern, directory) ?? []);
  const lines = toLines(outer, ".");
  for (const [directory, { repository, patterns }] of directories) {
    // A repository's patterns do not apply inside a repository nested in it.
    if (repository && directory !== ".") lines.push(...reset(directory));
    if (repository) append(lines, toLines(repository.exclude, directory));
    append(lines, toLines(patterns[".gitignore"], directory));
  }
  lines.splice(MAX_PATTERNS);
  append(lines, rescued);
  const own = directories.flatMap(([directory, { patterns }]) => toLines(patterns[".ignore"], directory));
  append(lines, own.slice(0, MAX_PATTERNS));
  return lines;
}

function append(lines: string[], more: readonly string[]): void {
  // One by one: a spread of 125,000 arguments exceeds the stack.
  for (const line of more) lines.push(line);
}

function reset(directory: string): string[] {
  const line = exactLine(directory, "/**/*", true);
  return line === null ? [] : [line];
}

/**
 * Returns lines that un-ignore tracked paths. A directory in which nothing is listed may itself be ignored, which hides all of its
 * contents: it is un-ignored as well, and a further line keeps its other contents ignored.
 */
function rescue(paths: readonly string[], suffix: "" | "/", reached: ReadonlySet<string>, directory: string): string[] {
  const open = new Set(reached);
  const lines: (string | null)[] = [];
  for (const path of paths) {
    for (const parent of parents(path, directory).reverse()) {
      if (open.has(parent)) continue;
      open.add(parent);
      lines.push(exactLine(parent, "/", true), exactLine(parent, "/*", false));
    }
  }
  for (const path of paths) {
    lines.push(exactLine(path, suffix, true));
    // A directory that has replaced a tracked file stays ignored.
    if (suffix === "") lines.push(exactLine(path, "/", false));
  }
  return lines.filter((line) => line !== null);
}

function parentsOf(paths: Iterable<string>, directory: string): Set<string> {
  const found = new Set<string>();
  for (const path of paths) for (const parent of parents(path, directory)) found.add(parent);
  return found;
}

/** Returns the directories between a path and `directory`, the nearest first. */
function parents(path: string, directory: string): string[] {
  const found: string[] = [];
  for (let parent = posix.dirname(path); parent !== "." && parent !== directory; parent = posix.dirname(parent))
    found.push(parent);
  return found;
}

function isBelow(path: string, directory: string): boolean {
  return directory === "." || path.startsWith(`${directory}/`);
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

function noteProblems(repositories: readonly Repository[], context: ToolContext): void {
  const unknown = repositories.filter(({ problem }) => problem !== null);
  const [first] = unknown;
  if (first === undefined) return;
  const rest = unknown.length > 1 ? ` and ${unknown.length - 1} more` : "";
  const where = first.directory === "." ? "git's index" : `git's index of ${showPath(first.directory)}${rest}`;
  context.note(
    `${where} could not be read (${first.problem}): tracked files that match an ignore pattern are left out`,
  );
}
