import { type FileHandle, lstat, readlink, realpath } from "node:fs/promises";

/** Bytes, not strings: a name that is not UTF-8 must not be mistaken for another. */
export function isInside(root: Buffer, path: Buffer): boolean {
  if (path.equals(root)) return true;
  const prefix = root.at(-1) === 0x2f ? root : Buffer.concat([root, Buffer.from("/")]);
  return path.subarray(0, prefix.length).equals(prefix);
}

/** Says whether what is open lies inside `root`, asked *after* opening, so that no swap before it matters. */
export type VerifyOpened = (handle: FileHandle, openedPath: string, root: Buffer) => Promise<boolean>;

/** The kernel's own word for where the open file lies. Linux. */
export const verifyByDescriptor: VerifyOpened = async (handle, _openedPath, root) =>
  isInside(root, await readlink(`/proc/self/fd/${handle.fd}`, { encoding: "buffer" }));

/**
 * Where the kernel does not tell: the path must still be its own real path, and name the same inode. A swap timed between
 * the two look-ups can deceive it, so this is second best, for systems without /proc.
 */
export const verifyByInode: VerifyOpened = async (handle, openedPath, root) => {
  const opened = await handle.stat({ bigint: true });
  const found = await lstat(openedPath, { bigint: true });
  const real = await realpath(openedPath, { encoding: "buffer" });
  const again = await lstat(openedPath, { bigint: true });
  return (
    isInside(root, real) &&
    real.equals(Buffer.from(openedPath)) &&
    [found, again].every((stats) => stats.dev === opened.dev && stats.ino === opened.ino)
  );
};
