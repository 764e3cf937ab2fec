import { realpath, stat } from "node:fs/promises";
import { isUnder } from "@boocode/runtime";
import { ApiError } from "./errors.ts";

/**
 * Whether a folder may become a project: it exists, is a directory, and lies under an allowed root once every symlink is
 * resolved. One answer for all that is outside, so that nobody can ask this server what exists on its disk.
 * @returns the real path
 * @throws ApiError path_not_allowed
 */
export async function checkProjectPath(path: string, roots: readonly string[]): Promise<string> {
  const outside = new ApiError("path_not_allowed", `no directory under an allowed root: ${roots.join(", ")}`);
  if (path.includes("\0")) throw outside;
  const real = await realpath(path).catch(() => null);
  if (real === null || !(await isUnder(real, roots))) throw outside;
  if (!(await stat(real)).isDirectory()) throw outside;
  return real;
}
