import { posix } from "node:path";
import { showPath } from "../output/show-path.ts";
import { ToolFailure } from "../tool-failure.ts";

/**
 * Normalizes a path from the model: relative to the project's root, without `..`; `.` is the root. An absolute path is
 * accepted when it lies under one of `roots`, because models repeat paths that they have seen. This looks at the text
 * only; `ProjectRoot` resolves symlinks.
 */
export function toRelativePath(path: string, roots: readonly string[]): string {
  if (path.includes("\0")) throw new ToolFailure("a path must not contain a NUL character");
  const normal = posix.normalize(path).replace(/(?<=.)\/+$/, "");
  if (posix.isAbsolute(normal)) {
    for (const root of roots) {
      if (normal === root) return ".";
      const prefix = root.endsWith("/") ? root : `${root}/`;
      if (normal.startsWith(prefix)) return normal.slice(prefix.length);
    }
    throw new ToolFailure(
      `${showPath(path)} is absolute and not in the project; give a path relative to the project's root, such as src/main.ts`,
    );
  }
  if (normal === ".." || normal.startsWith("../")) {
    throw new ToolFailure(
      `${showPath(path)} leads out of the project; give a path relative to the project's root, without ..`,
    );
  }
  return normal;
}
