import { lstat } from "node:fs/promises";
import { posix } from "node:path";
import type { ToolContext } from "./define-tool.ts";
import { ToolFailure } from "./tool-failure.ts";

/**
 * Those of `paths` (relative to the root) that name a regular file inside the root. ripgrep may have walked through a
 * directory while it was swapped for a symlink, and a name from outside must not be shown: each is looked up again, in
 * its directory opened through the verified root.
 */
export async function keepExisting(paths: readonly string[], { root, signal }: ToolContext): Promise<string[]> {
  const kept = new Set<string>();
  for (const directory of new Set(paths.map((path) => posix.dirname(path)))) {
    signal.throwIfAborted();
    const opened = await root.open(directory, "directory").catch((error: unknown) => {
      if (error instanceof ToolFailure) return null;
      throw error;
    });
    if (opened === null) continue;
    try {
      for (const path of paths.filter((candidate) => posix.dirname(candidate) === directory)) {
        const stats = await lstat(`${opened.through}/${posix.basename(path)}`).catch(() => null);
        if (stats?.isFile()) kept.add(path);
      }
    } finally {
      await opened.handle.close();
    }
  }
  return paths.filter((path) => kept.has(path));
}
