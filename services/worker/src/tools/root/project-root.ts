import { constants, type Stats } from "node:fs";
import { type FileHandle, lstat, open as openFile, readlink, realpath } from "node:fs/promises";
import { posix } from "node:path";
import { showPath } from "../output/show-path.ts";
import { ToolFailure } from "../tool-failure.ts";
import { explainOpenError, type OpenKind, requireKind, wrongKind } from "./open-errors.ts";
import { toRelativePath } from "./to-relative-path.ts";
import { isInside, type VerifyOpened, verifyByDescriptor, verifyByInode } from "./verify-opened.ts";

/** A regular file or a directory that is open, and was inside the root once it was. Whoever asked for it closes `handle`. */
export interface OpenedPath {
  handle: FileHandle;
  kind: "file" | "directory";
  /** Bytes. */
  size: number;
  /** Relative to the root, with every symlink resolved; `.` is the root. */
  path: string;
  /** A path that leads to what is open, however the tree has changed meanwhile (on Linux; elsewhere its real path). */
  through: string;
}

export interface ProjectRoot {
  /** The directory's real path when it was opened: what an allow-list is held against. */
  readonly real: string;
  /** For a child process's working directory. */
  readonly through: string;
  /** Opens what `path` names for reading. Nothing outside the root is ever returned. Throws `ToolFailure`. */
  open(path: string, kind: OpenKind): Promise<OpenedPath>;
  close(): Promise<void>;
}

/** O_NOFOLLOW refuses a symlink put in place after the path was resolved; O_NONBLOCK keeps a FIFO from holding a thread. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK | constants.O_NOCTTY;

/**
 * Opens a project's directory and keeps it open until `close`. `path` is absolute and was allowed by whoever calls; a
 * symlink on the way to it is resolved once, here. `descriptors: false` does without /proc, as on macOS. Rejects when the
 * path is no directory.
 */
export async function openProjectRoot(path: string, options: { descriptors?: boolean } = {}): Promise<ProjectRoot> {
  const real = await realpath(path);
  const rootBytes = Buffer.from(real);
  const rootHandle = await openFile(real, FLAGS | constants.O_DIRECTORY);
  const throughDescriptor = (handle: FileHandle) => `/proc/self/fd/${handle.fd}`;
  const told = await readlink(throughDescriptor(rootHandle)).catch(() => null);
  if (told !== null && told !== real) {
    await rootHandle.close();
    throw new Error("the project's root was moved while it was opened");
  }
  const descriptors = (options.descriptors ?? true) && told !== null;
  const verify: VerifyOpened = descriptors ? verifyByDescriptor : verifyByInode;
  const rootThrough = () => (descriptors ? throughDescriptor(rootHandle) : real);

  async function openInside(asked: string, kind: OpenKind): Promise<OpenedPath> {
    const relative = toRelativePath(asked, [real, posix.normalize(path)]);
    const target = await resolveInside(relative, asked);
    const before = await lstat(target);
    // Before opening too: opening a device can do things by itself.
    requireKind(before, kind, asked);
    const handle = await openFile(target, before.isDirectory() ? FLAGS | constants.O_DIRECTORY : FLAGS);
    try {
      const stats: Stats = await handle.stat();
      requireKind(stats, kind, asked);
      // The guarantee: everything above only finds the file and gives good errors.
      if (!(await verify(handle, target, rootBytes))) throw outside(asked);
      return {
        handle,
        kind: stats.isDirectory() ? "directory" : "file",
        size: stats.size,
        path: posix.relative(real, target) || ".",
        through: descriptors ? throughDescriptor(handle) : target,
      };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Symlinks that stay inside are followed, as in any monorepo; the others end here with a clear word. */
  async function resolveInside(relative: string, asked: string): Promise<string> {
    const found = await realpath(posix.join(rootThrough(), relative), { encoding: "buffer" });
    if (!isInside(rootBytes, found)) throw outside(asked);
    const target = found.toString("utf8");
    if (!Buffer.from(target).equals(found)) throw wrongKind(asked, "has a name that is not UTF-8 and cannot be opened");
    return target;
  }

  return {
    real,
    get through() {
      return rootThrough();
    },
    open: (asked, kind) =>
      openInside(asked, kind).catch((error: unknown) => {
        throw explainOpenError(error, asked);
      }),
    close: () => rootHandle.close(),
  };
}

function outside(asked: string): ToolFailure {
  return new ToolFailure(
    `${showPath(asked)} leads out of the project through a symlink; what lies outside cannot be read`,
  );
}
