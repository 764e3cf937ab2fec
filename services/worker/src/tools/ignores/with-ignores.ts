import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ToolContext } from "../define-tool.ts";
import { showPath } from "../output/show-path.ts";
import { type Ignores, listFiles, NOTHING_IGNORED } from "../search/list-files.ts";
import { append, composeLines } from "./compose-lines.ts";
import { findRules, isBelow, type Rules, repositoriesOf } from "./find-rules.ts";
import type { Repository } from "./read-repository.ts";
import { parentsOf, rescueLines } from "./rescue-lines.ts";

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
  const write = async (rules: Rules, rescued: readonly string[] = []) => {
    const lines = composeLines(rules, rescued);
    if (lines.length === 0) return null;
    await writeFile(file, Buffer.from(`${lines.join("\n")}\n`, "latin1"));
    return file;
  };
  const rules = await findRules(directory, write, context);
  const repositories = repositoriesOf(rules);
  noteProblems(repositories, context);
  const tracked = repositories.flatMap(({ files }) => files.filter((path) => isBelow(path, directory)));
  const submodules = repositories
    .flatMap((repository) => repository.submodules)
    .filter((path) => isBelow(path, directory) && rules.directories.get(path)?.repository);
  if (tracked.length === 0 && submodules.length === 0) return { file: await write(rules), listed: null };

  const list = async (lines: readonly string[]) =>
    listFiles(directory, [], { file: await write(rules, lines), listed: null }, context);
  const { rescued, listed } = await rescueSubmodules(submodules, directory, list);
  const reached = parentsOf(listed, directory);
  const missing = tracked.filter((path) => !listed.has(path) && !reached.has(path)).slice(0, MAX_TRACKED);
  if (missing.length === 0) return { file: await write(rules, rescued), listed };
  append(rescued, rescueLines(missing, "", reached, directory));
  return { file: await write(rules, rescued), listed: null };
}

/**
 * A submodule is tracked, so git lists it even if an ignore pattern matches its directory. Outer ones come first, because the lines
 * of an outer one can reveal those in it.
 * @param list lists the files that are not ignored, given further lines of the ignore file
 */
async function rescueSubmodules(
  submodules: readonly string[],
  directory: string,
  list: (rescued: readonly string[]) => Promise<Set<string>>,
): Promise<{ rescued: string[]; listed: Set<string> }> {
  const rescued: string[] = [];
  let left = submodules;
  for (;;) {
    const listed = await list(rescued);
    const reached = parentsOf(listed, directory);
    left = left.filter((path) => !reached.has(path));
    const next = left.filter((path) => !left.some((other) => isBelow(path, other)));
    if (next.length === 0) return { rescued, listed };
    left = left.filter((path) => !next.includes(path));
    append(rescued, rescueLines(next, "/", reached, directory));
  }
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
