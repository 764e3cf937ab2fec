import type { ToolContext } from "../define-tool.ts";
import { ToolFailure } from "../tool-failure.ts";
import { ripgrep } from "./ripgrep.ts";
import { commonArguments, globArguments, pathArguments, withoutDot } from "./ripgrep-arguments.ts";
import { scopeGlob } from "./scope-patterns.ts";

/** A list of so many paths takes some 50 MB. */
const MAX_LISTED = 500_000;

/**
 * The regular files below `directory` that are not ignored and that `glob` names: paths relative to the root, in no order.
 * They are proposals (see `commonArguments`): ripgrep opens by path, so a directory swapped for a symlink meanwhile can
 * put a name from outside among them.
 */
export async function listFiles(
  directory: string,
  glob: string | null,
  ignores: string | null,
  context: ToolContext,
): Promise<Set<string>> {
  const all = glob !== null && !glob.startsWith("!") ? await list(directory, null, ignores, context) : null;
  const named = await list(directory, glob, ignores, context);
  if (all === null) return named;
  // For ripgrep a glob overrules the ignore files, for us it does not: hence both lists, and what is in both.
  for (const path of named) if (!all.has(path)) named.delete(path);
  return named;
}

async function list(
  directory: string,
  glob: string | null,
  ignores: string | null,
  context: ToolContext,
): Promise<Set<string>> {
  const paths = new Set<string>();
  const args = [
    ...commonArguments(ignores),
    ...["--files", "--null", ...globArguments(glob === null ? [] : [scopeGlob(glob, directory)])],
    ...pathArguments(directory),
  ];
  const run = { args, cwd: context.root.through, separator: 0, signal: context.signal, slots: context.slots };
  for await (const { bytes } of ripgrep(run)) {
    if (paths.size === MAX_LISTED) throw new ToolFailure(`more than ${MAX_LISTED} files; give a narrower path`);
    paths.add(withoutDot(bytes.toString("utf8")));
  }
  return paths;
}
