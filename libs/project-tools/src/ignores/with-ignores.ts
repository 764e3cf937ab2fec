import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ToolContext } from "../define-tool.ts";
import { fitLines } from "../output/cut-output.ts";
import { showPath } from "../output/show-path.ts";
import { keepExisting } from "../project/keep-existing.ts";
import { type Ignores, listFiles, NOTHING_IGNORED } from "../search/list-files.ts";
import { byDepth, findRules, isBelow, type Rules, repositoriesOf } from "./find-rules.ts";
import type { Repository } from "./read-repository.ts";
import { append } from "./read-rules.ts";
import { parentsOf, rescueLines } from "./rescue-lines.ts";
import { writeIgnoreFiles } from "./write-ignore-files.ts";

/** Limit of tracked files that get a line of their own, because an ignore pattern matches them. */
const MAX_TRACKED = 20_000;
const MAX_TRACKED_BYTES = 2 * 1024 * 1024;

/**
 * Runs `work` with temporary ignore files for ripgrep, which leave what git would list below `directory`
 * (`git ls-files --cached --others --exclude-standard`). They combine the ignore files in, below and above the directory up to the
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
    return await work(await collect(directory, folder, context));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function collect(directory: string, folder: string, context: ToolContext): Promise<Ignores> {
  const write = (rules: Rules, rescued: readonly string[] = []) =>
    writeIgnoreFiles(folder, composeLines(rules, rescued));
  const rules = await findRules(directory, write, context);
  const repositories = repositoriesOf(rules);
  noteDropped(rules, context);
  noteProblems(repositories, context);
  const tracked = repositories.flatMap(({ files }) => files.filter((path) => isBelow(path, directory)));
  const submodules = repositories
    .flatMap((repository) => repository.submodules)
    .filter((path) => isBelow(path, directory) && rules.directories.get(path)?.repository);
  if (tracked.length === 0 && submodules.length === 0) return { files: await write(rules), listed: null };

  const list = async (lines: readonly string[]) =>
    listFiles(directory, [], { files: await write(rules, lines), listed: null }, context);
  const { rescued, listed } = await rescueSubmodules(submodules, directory, list);
  const reached = parentsOf(listed, directory);
  const unlisted = tracked.filter((path) => !listed.has(path) && !reached.has(path));
  // Of a sparse checkout most files are tracked and do not exist.
  const missing = fitLines(await keepExisting(unlisted, context, MAX_TRACKED), MAX_TRACKED_BYTES);
  if (missing.length === 0) return { files: await write(rules, rescued), listed };
  append(rescued, rescueLines(missing, "", reached, directory));
  return { files: await write(rules, rescued), listed: null };
}

/** Composes the lines in ascending precedence: the last matching line decides. */
function* composeLines({ outer, directories }: Rules, rescued: readonly string[]): Generator<string> {
  const sorted = [...directories].sort(([a], [b]) => byDepth(a, b)).map(([, rules]) => rules);
  yield* outer ?? [];
  for (const { lines } of sorted) yield* lines;
  yield* rescued;
  for (const { ownLines } of sorted) yield* ownLines;
}

/**
 * A submodule is tracked, so git lists it even if an ignore pattern matches its directory. Outer ones come first, because the lines
 * of an outer one can reveal those in it.
 * @param list lists the files that are not ignored, given further lines
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

/** Ignore rules are no access control, so a search that cannot apply all of them shows more, not less. */
function noteDropped({ outer, directories }: Rules, context: ToolContext): void {
  const dropped = [...directories.values()].flatMap((rules) => rules.dropped.map(showPath));
  if (outer === null) dropped.unshift("the repository around the project");
  if (dropped.length === 0) return;
  const rest = dropped.length > 1 ? ` and ${dropped.length - 1} more` : "";
  context.note(
    `the ignore rules of ${dropped[0]}${rest} are not applied, because they are too large or too many: files that they exclude are shown`,
  );
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
