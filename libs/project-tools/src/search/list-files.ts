import type { ToolContext } from "../define-tool.ts";
import { ToolFailure } from "../tool-failure.ts";
import { selects } from "./read-globs.ts";
import { ripgrep } from "./ripgrep.ts";
import { commonArguments, globArguments, pathArguments, withoutDot } from "./ripgrep-arguments.ts";

/** This many paths take some 50 MB; long ones are limited in bytes. */
const MAX_LISTED = 500_000;
const MAX_LISTED_BYTES = 64 * 1024 * 1024;

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
  const paths = new Set<string>();
  let room = MAX_LISTED_BYTES;
  for await (const path of walkFiles(directory, globs, ignoreFiles, context, { anyCase })) {
    if (paths.size === MAX_LISTED) throw new ToolFailure(`more than ${MAX_LISTED} files; give a narrower path`);
    room -= path.length;
    if (room < 0)
      throw new ToolFailure("the paths of the files are too long to list all of them; give a narrower path");
    paths.add(path);
  }
  return paths;
}

/** Yields the files below `directory` that match `globs`, which override the ignore files, as in ripgrep. */
export async function* walkFiles(
  directory: string,
  globs: readonly string[],
  ignoreFiles: readonly string[],
  context: ToolContext,
  { anyCase = false }: ListOptions = {},
): AsyncGenerator<string> {
  const args = [
    ...commonArguments(ignoreFiles),
    ...(anyCase ? ["--glob-case-insensitive"] : []),
    ...["--files", "--null", ...globArguments(globs, context.root.closed)],
    ...pathArguments(directory),
  ];
  const run = { args, cwd: context.root.stablePath, separator: 0, signal: context.signal, limits: context.limits };
  for await (const { bytes } of ripgrep(run)) yield withoutDot(bytes.toString("utf8"));
}
