import type { ToolContext } from "../define-tool.ts";
import { ToolFailure } from "../tool-failure.ts";
import { createPathSet } from "./path-set.ts";
import { selects } from "./read-globs.ts";
import { ripgrepBatches } from "./ripgrep.ts";
import { commonArguments, globArguments, pathArguments, withoutDot } from "./ripgrep-arguments.ts";

/** So many paths of a usual length take some 50 MB. */
const LISTED = { paths: 500_000, bytes: 64 * 1024 * 1024 };

/** What a search leaves out. */
export interface Ignores {
  /** For `commonArguments`; none if nothing is left out. */
  files: readonly string[];
  /** All files below the directory that are not ignored; null when they are not known yet. */
  listed: ReadonlySet<string> | null;
}

export const NOTHING_IGNORED: Ignores = { files: [], listed: null };

interface ListOptions {
  /** Matches the globs case-insensitively. */
  anyCase?: boolean;
}

/**
 * Lists the regular files below `directory` that match `globs` (see `readGlobs`) and are not ignored: paths relative to the root,
 * unordered and unverified. ripgrep opens directories by path, so one that is swapped for a symlink meanwhile can add names from
 * outside the root: the caller verifies each path.
 */
export async function listFiles(
  directory: string,
  globs: readonly string[],
  { files, listed }: Ignores,
  context: ToolContext,
  options: ListOptions = {},
): Promise<Set<string>> {
  const matching = await list(directory, globs, files, context, options);
  if (files.length === 0 || !selects(globs)) return matching;
  // In ripgrep a glob overrides the ignore files; here it does not: the result is the intersection of both lists.
  const all = listed ?? (await list(directory, [], files, context));
  for (const path of matching) if (!all.has(path)) matching.delete(path);
  return matching;
}

async function list(
  directory: string,
  globs: readonly string[],
  ignoreFiles: readonly string[],
  context: ToolContext,
  { anyCase = false }: ListOptions = {},
): Promise<Set<string>> {
  const { paths, tryAdd } = createPathSet(LISTED);
  for await (const found of walkFiles(directory, globs, ignoreFiles, context, { anyCase })) {
    if (!found.every(tryAdd))
      throw new ToolFailure(
        `more than ${LISTED.paths} files, or than ${LISTED.bytes / 2 ** 20} MB of paths; give a narrower path`,
      );
  }
  return paths;
}

/** Yields the files below `directory` that match `globs`, which override the ignore files, as in ripgrep: some at a time. */
export async function* walkFiles(
  directory: string,
  globs: readonly string[],
  ignoreFiles: readonly string[],
  context: ToolContext,
  { anyCase = false }: ListOptions = {},
): AsyncGenerator<string[]> {
  const args = [
    ...commonArguments(ignoreFiles),
    ...(anyCase ? ["--glob-case-insensitive"] : []),
    ...["--files", "--null", ...globArguments(globs, context.root.closed)],
    ...pathArguments(directory),
  ];
  const run = { args, cwd: context.root.stablePath, separator: 0, signal: context.signal, limits: context.limits };
  for await (const records of ripgrepBatches(run)) yield records.map(({ bytes }) => withoutDot(bytes.toString("utf8")));
}
