import { posix } from "node:path";
import type { ProjectRoot } from "./project-root.ts";
import { quickFiles } from "./quick-files.ts";

/**
 * Keeps the paths (relative to the root) that are regular files inside the root. A directory may have been swapped for a
 * symlink while ripgrep walked it, and a name from outside must not be shown, so each name is looked up again in its
 * directory, opened through the verified root.
 * @param limit of the paths that are returned
 */
export async function keepExisting(
  paths: readonly string[],
  { root, signal }: { root: ProjectRoot; signal: AbortSignal },
  limit = paths.length,
): Promise<string[]> {
  const directories = new Map<string, string[]>();
  for (const path of paths) {
    const directory = posix.dirname(path);
    const others = directories.get(directory);
    if (others === undefined) directories.set(directory, [path]);
    else others.push(path);
  }
  const kept = new Set<string>();
  for (const [directory, inside] of directories) {
    signal.throwIfAborted();
    if (kept.size === limit) break;
    const opened = await root.tryOpen(directory, "directory");
    if (opened === null) continue;
    try {
      for (const path of inside) {
        if (kept.size === limit) break;
        const stats = await quickFiles.lstat(`${opened.stablePath}/${posix.basename(path)}`).catch(() => null);
        if (stats?.isFile()) kept.add(path);
      }
    } finally {
      await opened.handle.close();
    }
  }
  return paths.filter((path) => kept.has(path));
}
