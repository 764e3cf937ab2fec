import { lstat, opendir, readlink, realpath, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { isUnder } from "@boocode/runtime";
import { ApiError } from "./errors.ts";

/** Limit of symlinks that are followed to explain a path that does not resolve. */
const MAX_LINKS = 8;

/**
 * Checks that a path is a directory under an allowed root after every symlink is resolved, and that this process may read it.
 * A path outside the roots gets the same error whether it exists or not, so that the error reveals nothing about the disk.
 * @returns the real path
 * @throws ApiError path_not_allowed, path_unreadable
 */
export async function checkProjectPath(path: string, roots: readonly string[]): Promise<string> {
  if (path.includes("\0")) throw outside(roots);
  const real = await realpath(path).catch(() => null);
  if (real === null) throw await explain(path, roots, MAX_LINKS);
  if (!(await isUnder(real, roots))) throw outside(roots);
  try {
    // Listing a directory takes read permission; opening a file in it takes search (execute) permission.
    await (await opendir(real)).close();
    await stat(`${real}/.`);
  } catch (error) {
    throw toRefusal(codeOf(error), real, real) ?? outside(roots);
  }
  return real;
}

const outside = (roots: readonly string[]) =>
  new ApiError(
    "path_not_allowed",
    `the path is not under an allowed root; choose a directory under ${roots.join(", ")}`,
  );

const codeOf = (error: unknown) => (error as { code?: unknown }).code;

/** @param folder the directory in which `path` was looked up. @returns null for an error that tells users nothing */
function toRefusal(code: unknown, folder: string, path: string): ApiError | null {
  if (code === "ENOENT" || code === "ENAMETOOLONG") return new ApiError("path_not_allowed", `${path} does not exist`);
  if (code === "ENOTDIR") return new ApiError("path_not_allowed", `${folder} is not a directory`);
  if (code !== "EACCES" && code !== "EPERM") return null;
  const uid = process.geteuid?.() ?? "unknown";
  return new ApiError(
    "path_unreadable",
    `the service's user (uid ${uid}) may not read ${folder}; give it permission to read and search that directory`,
  );
}

/** Explains why a path does not resolve. The reason is given only for what lies under an allowed root, or on the path to one. */
async function explain(path: string, roots: readonly string[], links: number): Promise<ApiError> {
  const names = path.split("/");
  let folder = "/";
  for (const [at, name] of names.entries()) {
    const next = name === ".." ? dirname(folder) : join(folder, name);
    const real = await realpath(next).catch(() => null);
    if (real !== null) {
      folder = real;
      continue;
    }
    const leadsToRoot = roots.some((root) => `${root}/`.startsWith(`${next}/`));
    if (!leadsToRoot && !(await isUnder(folder, roots))) break;
    const found = await lstat(next).catch(codeOf);
    if (typeof found === "string") return toRefusal(found, folder, next) ?? outside(roots);
    const target = await readlink(next).catch(() => null);
    if (target === null || links === 0) break;
    return await explain([resolve(folder, target), ...names.slice(at + 1)].join("/"), roots, links - 1);
  }
  return outside(roots);
}
