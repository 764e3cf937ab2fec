import { realpath, stat } from "node:fs/promises";
import { isUnder } from "@boocode/runtime";
import { ApiError } from "./errors.ts";

/**
 * Checks that a path is a directory under an allowed root after every symlink is resolved. A path outside gets the same error
 * as one that does not exist, so that the error reveals nothing about the disk.
 * @returns the real path
 * @throws ApiError path_not_allowed
 */
export async function checkProjectPath(path: string, roots: readonly string[]): Promise<string> {
  const outside = new ApiError(
    "path_not_allowed",
    `the path is not a directory under an allowed root; choose one under ${roots.join(", ")}`,
  );
  if (path.includes("\0")) throw outside;
  const real = await realpath(path).catch(() => null);
  if (real === null || !(await isUnder(real, roots))) throw outside;
  if (!(await stat(real)).isDirectory()) throw outside;
  return real;
}
