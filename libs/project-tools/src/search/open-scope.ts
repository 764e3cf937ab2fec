import { posix } from "node:path";
import type { ToolContext } from "../define-tool.ts";
import { showPath } from "../output/show-path.ts";
import { isMissing, openAsked } from "../project/open-asked.ts";
import type { OpenKind } from "../project/open-errors.ts";
import type { OpenedPath, ProjectRoot } from "../project/project-root.ts";
import { isPathPattern } from "../project/read-path.ts";
import { globsBelow, globsOfName, readGlobs } from "./read-globs.ts";

interface SearchScope {
  opened: OpenedPath;
  /** For ripgrep; none when all files are searched. */
  globs: string[];
}

/**
 * Opens the path of a search and reads its globs. A path that does not exist and looks like a glob or a list of paths
 * (`src,lib`, `packages/api*`) is searched as such.
 */
export async function openScope(
  { path, glob }: { path: string; glob?: string | undefined },
  kind: OpenKind,
  context: ToolContext,
): Promise<SearchScope> {
  const { root } = context;
  let opened: OpenedPath;
  let isPattern = false;
  try {
    opened = await openAsked(path, kind, context);
  } catch (error) {
    if (!isMissing(error) || !isPathPattern(path)) throw error;
    opened = await root.open(".", "directory");
    isPattern = true;
    context.note(`no file or directory is called ${showPath(path)}, so it was taken as a glob`);
  }
  try {
    if (isPattern) return { opened, globs: globsBelow(path, glob, root.paths) };
    const name = glob === undefined ? null : await existingName(glob, opened.path, root);
    if (name !== null) return { opened, globs: globsOfName(name) };
    return { opened, globs: glob === undefined ? [] : readGlobs(glob, { directory: opened.path, roots: root.paths }) };
  } catch (error) {
    await opened.handle.close();
    throw error;
  }
}

/** A glob with brackets that is the name of an existing path, such as `app/[id]/page.tsx`, means only that path. */
async function existingName(glob: string, directory: string, root: ProjectRoot): Promise<string | null> {
  if (!/[[{(]/.test(glob) || /[*?]/.test(glob) || glob.startsWith("!")) return null;
  for (const path of [posix.join(directory, glob), glob]) {
    const found = await root.tryOpen(path, "any");
    await found?.handle.close();
    if (found !== null) return found.path;
  }
  return null;
}
