import type { FileHandle } from "node:fs/promises";
import { quickFiles } from "./quick-files.ts";

const { lstat, readlink, realpath } = quickFiles;

/** Compares bytes, not strings: two names that are not UTF-8 can decode to the same string. */
export function isInside(root: Buffer, path: Buffer): boolean {
  if (path.equals(root)) return true;
  const prefix = root.at(-1) === 0x2f ? root : Buffer.concat([root, Buffer.from("/")]);
  return path.subarray(0, prefix.length).equals(prefix);
}

/**
 * Returns the real path of an open file; null when it lies outside `root`. It runs *after* the open, so that an earlier swap has no
 * effect.
 */
export type VerifyOpened = (handle: FileHandle, openedPath: string, root: Buffer) => Promise<Buffer | null>;

/** Asks the kernel where the open file lies. Linux only. */
export const verifyByDescriptor: VerifyOpened = async (handle, _openedPath, root) => {
  const real = await readlink(`/proc/self/fd/${handle.fd}`, { encoding: "buffer" });
  return isInside(root, real) ? real : null;
};

/**
 * For systems without /proc: the path must still be its own real path and name the same inode as the open file. Weaker than
 * `verifyByDescriptor`: a swap timed between the look-ups can defeat it.
 */
export const verifyByInode: VerifyOpened = async (handle, openedPath, root) => {
  const opened = await handle.stat({ bigint: true });
  const found = await lstat(openedPath, { bigint: true });
  const real = await realpath(openedPath, { encoding: "buffer" });
  const again = await lstat(openedPath, { bigint: true });
  const isSame = [found, again].every((stats) => stats.dev === opened.dev && stats.ino === opened.ino);
  return isSame && real.equals(Buffer.from(openedPath)) && isInside(root, real) ? real : null;
};
