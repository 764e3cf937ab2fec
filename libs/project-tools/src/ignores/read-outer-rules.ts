import { posix } from "node:path";
import type { ProjectRoot } from "../project/project-root.ts";
import { readStart } from "../project/read-start.ts";
import {
  type IgnorePattern,
  MAX_IGNORE_BYTES,
  matchesDirectory,
  parseIgnoreFile,
  patternsBelow,
} from "./ignore-pattern.ts";

/** The patterns of one ignore file, and the names that lead from its directory to the project's root. */
interface OuterRules {
  names: string[];
  patterns: IgnorePattern[];
}

/**
 * Reads the ignore patterns of a repository around the project, relative to the project's root and in ascending precedence: if the
 * project is `apps/web` of a repository, the top usually ignores its `node_modules`. Reads only `.gitignore` and `info/exclude`, up
 * to the repository's top, never above the allowed roots and never through a symlink.
 * @returns null when one of these files is too large
 */
export async function readOuterRules(root: ProjectRoot): Promise<IgnorePattern[] | null> {
  const top = await findTop(root);
  if (top === null) return [];
  const directories = root.above.slice(0, root.above.indexOf(top) + 1).toReversed();
  const rules: OuterRules[] = [];
  for (const [directory, name] of [
    [top, ".git/info/exclude"],
    ...directories.map((path) => [path, ".gitignore"]),
  ] as const) {
    const content = await readAbove(root, posix.join(directory as string, name as string));
    if (content === null) continue;
    const names = posix.relative(directory as string, root.real).split("/");
    const patterns = parseIgnoreFile(content);
    if (patterns === null) return null;
    rules.push({ names, patterns });
  }
  // If the rules ignore the project itself, they would hide all of it, so none of them applies.
  if (isIgnored(rules)) return [];
  return rules.flatMap(({ names, patterns }) => patterns.flatMap((pattern) => patternsBelow(pattern, names)));
}

/** Finds the nearest directory above the root with a `.git`: a folder, or the file of a submodule or linked working tree. */
async function findTop(root: ProjectRoot): Promise<string | null> {
  for (const directory of root.above) {
    for (const name of [".git", ".git/HEAD"]) {
      const handle = await root.openAbove(posix.join(directory, name));
      await handle?.close();
      if (handle !== null) return directory;
    }
  }
  return null;
}

/** Whether the root, or a directory above it, is ignored; the last pattern that matches decides. */
function isIgnored(rules: readonly OuterRules[]): boolean {
  const depth = Math.max(0, ...rules.map(({ names }) => names.length));
  return Array.from({ length: depth }, (_, up) => up).some((up) => {
    const verdicts = rules.flatMap(({ names, patterns }) => {
      const way = names.slice(0, names.length - up);
      return way.length === 0 ? [] : patterns.filter((pattern) => matchesDirectory(pattern, way));
    });
    return verdicts.at(-1)?.negated === false;
  });
}

async function readAbove(root: ProjectRoot, path: string): Promise<Buffer | null> {
  const handle = await root.openAbove(path);
  if (handle === null) return null;
  try {
    return await readStart(handle, MAX_IGNORE_BYTES + 1);
  } finally {
    await handle.close();
  }
}
