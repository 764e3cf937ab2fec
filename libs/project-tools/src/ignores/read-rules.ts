import { posix } from "node:path";
import type { ProjectRoot } from "../project/project-root.ts";
import { readSmallFile } from "../project/read-start.ts";
import { exactLine, type IgnorePattern, MAX_IGNORE_BYTES, parseIgnoreFile, toRipgrepLine } from "./ignore-pattern.ts";
import { type Repository, readRepository } from "./read-repository.ts";
import type { RuleBudget } from "./rule-budget.ts";

/** The rules that one directory sets for the files below it, as lines for ripgrep (see `toRipgrepLine`). */
export interface DirectoryRules {
  repository: Repository | null;
  /** Those of `info/exclude` and `.gitignore`. */
  lines: readonly string[];
  /** Those of `.ignore`, ripgrep's own kind of ignore file, which has precedence over every `.gitignore`. */
  ownLines: readonly string[];
  /** Whether one of them un-ignores files. */
  negates: boolean;
  /** The ignore files whose rules are not applied, because they are too large or too many. */
  dropped: readonly string[];
}

/** Reads the rules of one directory. A file whose rules do not fit into the limits sets none. */
export async function readRules(root: ProjectRoot, directory: string, budget: RuleBudget): Promise<DirectoryRules> {
  const repository = await readRepository(root, directory, budget);
  const dropped: string[] = [];
  let negates = false;
  const read = async (path: string, options?: { followSymlink: boolean }) => {
    const most = Math.min(MAX_IGNORE_BYTES, budget.content);
    const content = (await readSmallFile(root, path, most + 1, options)) ?? Buffer.alloc(0);
    const isTooLarge = content.length > most;
    if (!isTooLarge) budget.content -= content.length;
    const patterns = isTooLarge ? null : parseIgnoreFile(content);
    const lines = patterns && takeLines(patterns, directory, budget);
    if (lines === null) dropped.push(path);
    else negates ||= patterns?.some(({ negated }) => negated) ?? false;
    return lines ?? [];
  };
  const readOwn = (name: string) => read(posix.join(directory, name), { followSymlink: false });
  const lines = repository ? resetLines(directory) : [];
  if (repository?.exclude) append(lines, await read(repository.exclude));
  append(lines, await readOwn(".gitignore"));
  return { repository, lines, ownLines: await readOwn(".ignore"), negates, dropped };
}

/** Adds one by one: a spread of 125,000 arguments exceeds the stack. */
export function append(lines: string[], more: readonly string[]): void {
  for (const line of more) lines.push(line);
}

/** @returns null when the lines do not fit into the budget */
export function takeLines(
  patterns: readonly IgnorePattern[],
  directory: string,
  budget: Pick<RuleBudget, "lines">,
): readonly string[] | null {
  const lines: string[] = [];
  let left = budget.lines;
  for (const pattern of patterns) {
    const line = toRipgrepLine(pattern, directory);
    if (line === null) continue;
    left -= line.length + 1;
    if (left < 0) return null;
    lines.push(line);
  }
  budget.lines = left;
  return lines;
}

/** A repository's patterns do not apply inside a repository nested in it. */
function resetLines(directory: string): string[] {
  const line = directory === "." ? null : exactLine(directory, "/**/*", true);
  return line === null ? [] : [line];
}
