import { posix } from "node:path";
import { exactLine } from "./ignore-pattern.ts";

/**
 * Returns lines that un-ignore tracked paths. A directory in which nothing is listed may itself be ignored, which hides all of its
 * contents: it is un-ignored as well, and a further line keeps its other contents ignored.
 * @param suffix "/" if the paths are directories
 * @param reached directories below `directory` in which something is listed
 */
export function rescueLines(
  paths: readonly string[],
  suffix: "" | "/",
  reached: ReadonlySet<string>,
  directory: string,
): string[] {
  const open = new Set(reached);
  const lines: (string | null)[] = [];
  for (const path of paths) {
    for (const parent of parents(path, directory).reverse()) {
      if (open.has(parent)) continue;
      open.add(parent);
      lines.push(exactLine(parent, "/", true), exactLine(parent, "/*", false));
    }
  }
  for (const path of paths) {
    lines.push(exactLine(path, suffix, true));
    // A directory that has replaced a tracked file stays ignored.
    if (suffix === "") lines.push(exactLine(path, "/", false));
  }
  return lines.filter((line) => line !== null);
}

/** Returns the directories between the paths and `directory`. */
export function parentsOf(paths: Iterable<string>, directory: string): Set<string> {
  const found = new Set<string>();
  for (const path of paths) for (const parent of parents(path, directory)) found.add(parent);
  return found;
}

/** The nearest first. */
function parents(path: string, directory: string): string[] {
  const found: string[] = [];
  for (let parent = posix.dirname(path); parent !== "." && parent !== directory; parent = posix.dirname(parent))
    found.push(parent);
  return found;
}
