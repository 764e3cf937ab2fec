import type { Stats } from "node:fs";
import * as promises from "node:fs/promises";
import { join } from "node:path";
import type { Files } from "../project/quick-files.ts";

/** The paths of what belongs to the service itself: no tool opens it, wherever a project lies. */
export interface OwnPaths {
  /** The data folder. */
  folders: readonly string[];
  /** Files that the configuration names: keys, passwords, certificates. */
  files: readonly string[];
  /** Default: the usual places of the kernel's file systems and of containers' secrets. */
  system?: readonly string[];
}

/** As they are now: a secret can be replaced while the service runs. */
export interface OwnFiles {
  /** Real paths. */
  folders: readonly string[];
  files: ReadonlySet<string>;
  /** `device:inode` of each file, by which a hard link is recognized. */
  ids: ReadonlySet<string>;
}

/** The kernel's file systems, which show the environment and memory of processes, and where containers mount their secrets. */
const FOLDERS_OF_THE_SYSTEM = ["/proc", "/sys", "/dev", "/run/secrets", "/var/run/secrets"];

/** Magic numbers of procfs, sysfs, cgroup, cgroup2, debugfs, tracefs, securityfs and devpts, which may be mounted anywhere: statfs(2). */
const KERNEL_TYPES = new Set([0x9fa0, 0x62656572, 0x27e0eb, 0x63677270, 0x64626720, 0x74726163, 0x73636673, 0x1cd1]);

/** Resolves the folders. Those that do not exist are kept as they are: they may come to exist. Never rejects. */
export async function findOwnFolders(
  { folders, system = FOLDERS_OF_THE_SYSTEM }: OwnPaths,
  { realpath }: Pick<Files, "realpath"> = promises,
): Promise<string[]> {
  const real = await Promise.all([...system, ...folders].map((path) => realpath(path).catch(() => path)));
  return [...new Set(real)];
}

/** Resolves folders and files in the same way. Never rejects. */
export async function findOwnFiles(own: OwnPaths, quick: Files = promises): Promise<OwnFiles> {
  const { folders, files } = own;
  const { readdir, realpath, stat } = quick;
  const ownFolders = await findOwnFolders(own, quick);
  // What lies deeper in the data folder is recognized by its path only.
  const names = await Promise.all(
    folders.map(async (folder) => (await readdir(folder).catch(() => [])).map((name) => join(folder, name))),
  );
  const paths = [...files, ...names.flat()];
  const ids = await Promise.all(paths.map((path) => stat(path).then(idOfFile, () => null)));
  return {
    folders: ownFolders,
    files: new Set(await Promise.all(files.map((path) => realpath(path).catch(() => path)))),
    ids: new Set(ids.filter((id) => id !== null)),
  };
}

function idOfFile(stats: Stats): string | null {
  return stats.isFile() ? `${stats.dev}:${stats.ino}` : null;
}

/** Whether a real path belongs to the service. @param stats of the file that was opened there, if it was */
export function isOwn({ folders, files, ids }: OwnFiles, path: string, stats?: Stats): boolean {
  if (folders.some((folder) => path === folder || path.startsWith(`${folder}/`)) || files.has(path)) return true;
  const id = stats && idOfFile(stats);
  return id !== undefined && id !== null && ids.has(id);
}

/** Whether an open file or directory is one of the kernel's. */
export async function isOfKernel(stablePath: string, { statfs }: Files): Promise<boolean> {
  return KERNEL_TYPES.has((await statfs(stablePath)).type);
}
