import { opendir } from "node:fs/promises";
import { posix } from "node:path";
import type { ToolContext } from "../define-tool.ts";
import { showPath } from "../output/show-path.ts";
import { ToolFailure } from "../tool-failure.ts";
import { type OpenKind, WithheldFailure } from "./open-errors.ts";
import type { OpenedPath, ProjectRoot } from "./project-root.ts";
import { isPathPattern, type LineRange, nearNames, otherEndings, otherReadings } from "./read-path.ts";
import { toRelativePath } from "./to-relative-path.ts";

/** Limit of names in one directory that are examined for a suggestion. */
const MAX_NAMES = 10_000;
const MAX_SUGGESTIONS = 3;

interface AskedPath extends OpenedPath {
  /** The lines that the path names, as in `a.ts:12`. */
  lines: LineRange | null;
}

/**
 * Opens a path as a model writes it. If it does not exist, other readings of it are tried (see `otherReadings`), then a name that
 * differs only in its Unicode form, which models cannot choose. The output says which path was opened.
 * @throws ToolFailure with suggestions of similar names
 */
export async function openAsked(asked: string, kind: OpenKind, context: ToolContext): Promise<AskedPath> {
  const { root } = context;
  let failure: unknown;
  const [name = ""] = root.paths.map((path) => posix.basename(path));
  // Models sometimes prefix a path with the project's name.
  const inside = asked.startsWith(`${name}/`) ? [{ path: asked.slice(name.length + 1), lines: null }] : [];
  for (const { path, lines } of [{ path: asked, lines: null }, ...otherReadings(asked), ...inside]) {
    try {
      const opened = await root.open(path, kind);
      if (path !== asked) context.note(`${showPath(asked)} was taken as ${showPath(path)}${describeLines(lines)}`);
      return { ...opened, lines };
    } catch (error) {
      if (error instanceof WithheldFailure) throw error;
      failure ??= error;
      if (!isMissing(error) && !posix.isAbsolute(asked)) throw failure;
    }
  }
  if (!isMissing(failure)) throw failure;
  const { paths, sameText } = await findNear(asked, context);
  const [only] = paths;
  if (only !== undefined && sameText) {
    const opened = await root.open(only, kind);
    context.note(`no name has the Unicode form of ${showPath(asked)}, so it was taken as ${showPath(only)}`);
    return { ...opened, lines: null };
  }
  const { message, cause } = failure as ToolFailure;
  const meant = paths.length === 0 ? "" : `; did you mean ${paths.map(showPath).join(" or ")}?`;
  const pattern = isPathPattern(asked) ? "; path is one path, not a glob: find_files takes globs" : "";
  throw new ToolFailure(message + meant + pattern, { cause });
}

function describeLines(lines: LineRange | null): string {
  if (lines === null) return "";
  return lines.last === null ? `, line ${lines.first}` : `, lines ${lines.first}-${lines.last}`;
}

/** Whether opening failed because nothing exists at the path. */
export function isMissing(error: unknown): boolean {
  const cause = error instanceof ToolFailure ? error.cause : null;
  return cause instanceof Error && "code" in cause && (cause.code === "ENOENT" || cause.code === "ENOTDIR");
}

/** Follows the path from the root name by name, and finds existing paths with similar names. */
async function findNear(asked: string, { root, signal }: ToolContext): Promise<{ paths: string[]; sameText: boolean }> {
  const readings = otherReadings(asked).map(({ path }) => path);
  const path = relativeOrNull(readings.at(-1) ?? asked, root) ?? relativeOrNull(asked, root);
  const nothing = { paths: [], sameText: false };
  if (path === null) return nothing;
  const parts = path.split("/");
  let directory = ".";
  let allSameText = true;
  for (const [index, part] of parts.entries()) {
    const names = await namesIn(directory, root, signal);
    const near = names.includes(part) ? [{ name: part, sameText: true }] : nearNames(part, names);
    const last = index === parts.length - 1;
    if (last) {
      const found = near.length > 0 ? near.map(({ name }) => name) : otherEndings(part, names);
      const paths = found
        .map((name) => posix.join(directory, name))
        .filter((other) => other !== path)
        .sort();
      const sameText = allSameText && near.length === 1 && near[0]?.sameText === true;
      return { paths: paths.slice(0, MAX_SUGGESTIONS), sameText };
    }
    const [only] = near;
    if (only === undefined || near.length > 1) return nothing;
    allSameText &&= only.sameText;
    directory = posix.join(directory, only.name);
  }
  return nothing;
}

function relativeOrNull(path: string, root: ProjectRoot): string | null {
  try {
    return toRelativePath(path, root.paths);
  } catch {
    return null;
  }
}

/** Returns the names in a directory of the project; none when it cannot be opened. */
async function namesIn(path: string, root: ProjectRoot, signal: AbortSignal): Promise<string[]> {
  const opened = await root.tryOpen(path, "directory");
  if (opened === null) return [];
  try {
    const names: string[] = [];
    for await (const { name } of await opendir(opened.stablePath, { bufferSize: 512 })) {
      signal.throwIfAborted();
      names.push(name);
      if (names.length === MAX_NAMES) break;
    }
    return names;
  } finally {
    await opened.handle.close();
  }
}
