import { posix } from "node:path";
import { showPath } from "../output/show-path.ts";
import { ToolFailure } from "../tool-failure.ts";

/**
 * What a model wrote as a path, made relative to the project's root and free of `..`; `.` is the root itself. An absolute
 * path counts when it lies under one of `roots`, since models repeat what they have seen. This decides by text alone:
 * symlinks are the business of `ProjectRoot`.
 */
export function toRelativePath(path: string, roots: readonly string[]): string {
  if (path.includes("\0")) throw new ToolFailure("a path must not hold a NUL character");
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
      `${showPath(path)} leads out of the project; paths are relative to the project's root and stay below it`,
    );
  }
  return normal;
}
