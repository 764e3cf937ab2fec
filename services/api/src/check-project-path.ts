import { lstat, opendir, readlink, realpath, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { isWithin, isWithinAny } from "@boocode/runtime";
import { ApiError } from "./errors.ts";

/** Limit of symlinks that are followed to explain a path that does not resolve. */
const MAX_LINKS = 8;

/**
 * Checks that a path, with every symlink resolved, is a directory in one of the given folders and that this process may read it.
 * Only what lies in these folders is explained. Everything else gets the same error after the same system call, whether it
 * exists or not, so that the error reveals nothing about the disk.
 * @param folders real paths
 * @param outside the message for what is not explained
 * @returns the real path
 * @throws ApiError path_not_allowed, path_unreadable
 */
export async function checkProjectPath(path: string, folders: readonly string[], outside?: string): Promise<string> {
  const refused = new ApiError("path_not_allowed", outside);
  if (path.includes("\0")) throw refused;
  const real = await realpath(path).catch(() => null);
  if (real === null || !isWithinAny(real, folders)) throw (await explain(path, folders)) ?? refused;
  try {
    // Listing a directory takes read permission; opening a file in it takes search (execute) permission.
    await (await opendir(real)).close();
    await stat(`${real}/.`);
  } catch (error) {
    throw toRefusal(codeOf(error), real, real) ?? refused;
  }
  return real;
}

const codeOf = (error: unknown) => (error as { code?: unknown }).code;

/** @param folder the directory in which `path` was looked up. @returns null for an error that tells users nothing */
function toRefusal(code: unknown, folder: string, path: string): ApiError | null {
  if (code === "ENOENT" || code === "ENAMETOOLONG") return new ApiError("path_not_allowed", `${path} does not exist`);
  if (code === "ENOTDIR") return new ApiError("path_not_allowed", `${folder} is not a directory`);
  if (code !== "EACCES" && code !== "EPERM") return null;
  return new ApiError(
    "path_unreadable",
    `the service may not read ${folder}; give it permission to read and search that directory`,
  );
}

/**
 * Explains why a path is refused. It walks from one of the folders downwards and looks at nothing outside of them: a symlink
 * that leads out is read but not followed.
 * @returns null for a path that is not explained
 */
async function explain(path: string, folders: readonly string[], links = MAX_LINKS): Promise<ApiError | null> {
  const start = folders.find((each) => isWithin(path, each));
  // Someone may have put a symlink above the folder since it was granted.
  if (start === undefined || (await realpath(dirname(start)).catch(() => null)) !== dirname(start)) return null;
  const names = path.slice(start.length).split("/");
  let folder = start;
  for (const [at, name] of ["", ...names].entries()) {
    const next = name === ".." ? dirname(folder) : join(folder, name);
    if (!isWithinAny(next, folders)) break;
    try {
      if ((await lstat(next)).isSymbolicLink()) {
        if (links === 0 || next === start) break;
        const target = [resolve(folder, await readlink(next)), ...names.slice(at)].join("/");
        return await explain(target, folders, links - 1);
      }
    } catch (error) {
      return toRefusal(codeOf(error), folder, next);
    }
    folder = next;
  }
  return null;
}
