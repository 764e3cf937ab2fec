import type { ToolContext } from "../define-tool.ts";
import { showPath } from "../output/show-path.ts";
import { isMissing, openAsked } from "../project/open-asked.ts";
import type { OpenKind } from "../project/open-errors.ts";
import type { OpenedPath } from "../project/project-root.ts";
import { isPathPattern } from "../project/read-path.ts";
import { globsBelow, readGlobs } from "./read-globs.ts";

interface SearchScope {
  opened: OpenedPath;
  /** For ripgrep; none when all files are searched. */
  globs: string[];
}

/**
 * Opens what a search names by `path` and `glob`. A path that does not exist and looks like a glob or a list of paths
 * (`src,lib`, `packages/api*`) is searched as such.
 */
export async function openScope(
  { path, glob }: { path: string; glob?: string | undefined },
  kind: OpenKind,
  context: ToolContext,
): Promise<SearchScope> {
  const roots = context.root.paths;
  try {
    const opened = await openAsked(path, kind, context);
    return { opened, globs: glob === undefined ? [] : readGlobs(glob, { directory: opened.path, roots }) };
  } catch (error) {
    if (!isMissing(error) || !isPathPattern(path)) throw error;
    const opened = await context.root.open(".", "directory");
    context.note(`no file or directory is called ${showPath(path)}, so it was taken as a glob`);
    return { opened, globs: globsBelow(path, glob, roots) };
  }
}
