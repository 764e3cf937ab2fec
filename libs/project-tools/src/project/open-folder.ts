import { randomUUID } from "node:crypto";
import { type BigIntStats, constants } from "node:fs";
import * as promises from "node:fs/promises";
import { posix } from "node:path";
import { isWithinAny } from "@boocode/runtime/folders";
import { isOfKernel } from "../withheld/own-files.ts";
import type { Files } from "./quick-files.ts";

/** A project's folder as it was opened and checked, for another process that opens it again. */
export interface ProjectFolder {
  /** Distinguishes this opening from every other. */
  key: string;
  /** Its real path. */
  real: string;
  /** The path by which it was opened. */
  path: string;
  /** With the inode, what the folder is, whatever has taken its path since. */
  device: string;
  inode: string;
  /** The directories above it that the project's owner may use, the nearest first. */
  above: readonly string[];
}

export interface OpenFolder {
  handle: promises.FileHandle;
  real: string;
  stats: BigIntStats;
  /** Whether the kernel tells which path a descriptor has. */
  descriptors: boolean;
}

/** O_NOFOLLOW rejects a symlink created after the path was resolved; O_NONBLOCK keeps a FIFO from blocking a thread. */
export const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

export const descriptorPath = (handle: promises.FileHandle) => `/proc/self/fd/${handle.fd}`;

/**
 * Opens a project's directory. `path` is absolute; symlinks in it are resolved once, here. Rejects when it is not a directory, or
 * belongs to the service itself or to the kernel.
 * @param ownFolders those of the service and the system (`findOwnFolders`), which are found meanwhile
 */
export async function openFolder(
  path: string,
  ownFolders: Promise<readonly string[]>,
  files: Files = promises,
): Promise<OpenFolder> {
  const real = await files.realpath(path);
  const handle = await files.open(real, FLAGS | constants.O_DIRECTORY);
  try {
    // At once, because a turn's first model call waits for them.
    const [opened, stats, ofKernel, own] = await Promise.all([
      files.readlink(descriptorPath(handle)).catch(() => null),
      handle.stat({ bigint: true }),
      isOfKernel(descriptorPath(handle), files).catch(() => null),
      ownFolders,
    ]);
    if (opened !== null && opened !== real) throw new Error("the project's root was moved while it was opened");
    // Where /proc is missing, the path has to do.
    if (isWithinAny(real, own) || (ofKernel ?? (await isOfKernel(real, files))))
      throw new Error("the project's root belongs to the service itself or to the kernel");
    return { handle, real, stats, descriptors: opened !== null };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** @param isAllowed whether the project's owner may use the folder with this real path */
export function describeFolder(
  { real, stats: { dev, ino } }: OpenFolder,
  path: string,
  isAllowed: (directory: string) => boolean,
): ProjectFolder {
  const above = allowedAbove(real, isAllowed);
  return { key: randomUUID(), real, path, device: String(dev), inode: String(ino), above };
}

function allowedAbove(real: string, isAllowed: (directory: string) => boolean): string[] {
  const above: string[] = [];
  for (let directory = real; directory !== "/"; ) {
    directory = posix.dirname(directory);
    if (!isAllowed(directory)) break;
    above.push(directory);
  }
  return above;
}
