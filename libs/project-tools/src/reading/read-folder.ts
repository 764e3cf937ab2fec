import { isUtf8 } from "node:buffer";
import type { Stats } from "node:fs";
import { opendir } from "node:fs/promises";
import { posix } from "node:path";
import type { OpenedPath, ProjectRoot } from "../project/project-root.ts";
import { quickFiles } from "../project/quick-files.ts";

/** Names, of at most 255 bytes, are sorted in memory. A folder with more entries holds data, not code. */
export const MAX_NAMES = 100_000;

/** `gone`: it was deleted since it was listed, or is not accessible. */
type EntryType = "file" | "folder" | "symlink" | "pipe" | "socket" | "device" | "gone";

/** An entry of a folder. */
export interface FolderEntry {
  name: string;
  /** Whether the name is UTF-8. Otherwise the entry cannot be opened. */
  isNamed: boolean;
  type: EntryType;
  /** Of a file, in bytes. */
  size: number | null;
  /** Of a symlink, as written in it. */
  target: string | null;
  /** The group that withholds the entry, or what a symlink leads to; null for what may be shown. */
  withheld: string | null;
}

/** The names in a folder, sorted, as bytes: a name need not be UTF-8. `complete` is false when there are more. */
export async function readNames(
  { stablePath }: Pick<OpenedPath, "stablePath">,
  signal: AbortSignal,
): Promise<{ names: Buffer[]; complete: boolean }> {
  const names: Buffer[] = [];
  // Reads through the descriptor, because another directory may have taken the path since.
  const directory = await opendir(stablePath, { encoding: "buffer" as BufferEncoding, bufferSize: 512 });
  for await (const { name } of directory) {
    signal.throwIfAborted();
    if (names.length === MAX_NAMES) return { names: names.sort(Buffer.compare), complete: false };
    names.push(name as unknown as Buffer);
  }
  return { names: names.sort(Buffer.compare), complete: true };
}

/** Says what an entry of an open folder is. */
export async function readEntry(
  { stablePath, path: folder }: Pick<OpenedPath, "stablePath" | "path">,
  bytes: Buffer,
  root: Pick<ProjectRoot, "withheld">,
): Promise<FolderEntry> {
  const path = Buffer.concat([Buffer.from(`${stablePath}/`), bytes]);
  const name = bytes.toString("utf8");
  const entry = { name, isNamed: isUtf8(bytes), size: null, target: null };
  const inside = posix.join(folder, name);
  const stats = await quickFiles.lstat(path).catch(() => null);
  if (stats === null) return { ...entry, type: "gone", withheld: root.withheld(inside) };
  if (stats.isSymbolicLink()) {
    const link = await quickFiles.readlink(path, { encoding: "buffer" }).catch(() => Buffer.from("?"));
    const target = link.toString("utf8");
    return { ...entry, type: "symlink", target, withheld: root.withheld(posix.join(folder, target)) };
  }
  const type = typeOf(stats);
  const withheld = root.withheld(type === "folder" ? `${inside}/` : inside);
  return { ...entry, type, size: type === "file" ? stats.size : null, withheld };
}

function typeOf(stats: Stats): EntryType {
  if (stats.isDirectory()) return "folder";
  if (stats.isFile()) return "file";
  if (stats.isFIFO()) return "pipe";
  return stats.isSocket() ? "socket" : "device";
}
