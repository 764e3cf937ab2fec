import type { ToolContext } from "../define-tool.ts";
import { ToolFailure } from "../tool-failure.ts";
import { selects } from "./read-globs.ts";
import { ripgrep } from "./ripgrep.ts";
import { commonArguments, globArguments, pathArguments, withoutDot } from "./ripgrep-arguments.ts";

/** This many paths take some 50 MB. */
const MAX_LISTED = 500_000;

interface ListOptions {
  /** Takes the letters of the globs in any case. */
  anyCase?: boolean;
}

/**
 * Lists the regular files below `directory` that match `globs` (see `readGlobs`) and are not ignored: paths relative to the root, unordered and
 * unverified. ripgrep opens directories by path, so one that is swapped for a symlink meanwhile can add names from outside
 * the root: the caller verifies each path.
 */
export async function listFiles(
  directory: string,
  globs: readonly string[],
  ignoreFile: string | null,
  context: ToolContext,
  options: ListOptions = {},
): Promise<Set<string>> {
  const all = selects(globs) ? await list(directory, [], ignoreFile, context) : null;
  const matching = await list(directory, globs, ignoreFile, context, options);
  if (all === null) return matching;
  // In ripgrep a glob overrides the ignore files; here it does not: the result is the intersection of both lists.
  for (const path of matching) if (!all.has(path)) matching.delete(path);
  return matching;
}

async function list(
  directory: string,
  globs: readonly string[],
  ignoreFile: string | null,
  context: ToolContext,
  { anyCase = false }: ListOptions = {},
): Promise<Set<string>> {
  const paths = new Set<string>();
  const args = [
    ...commonArguments(ignoreFile),
    ...(anyCase ? ["--glob-case-insensitive"] : []),
    ...["--files", "--null", ...globArguments(globs)],
    ...pathArguments(directory),
  ];
  const run = { args, cwd: context.root.stablePath, separator: 0, signal: context.signal, slots: context.slots };
  for await (const { bytes } of ripgrep(run)) {
    if (paths.size === MAX_LISTED) throw new ToolFailure(`more than ${MAX_LISTED} files; give a narrower path`);
    paths.add(withoutDot(bytes.toString("utf8")));
  }
  return paths;
}
