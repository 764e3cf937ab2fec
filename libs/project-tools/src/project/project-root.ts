import { constants, type Stats } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { posix } from "node:path";
import { showPath } from "../output/show-path.ts";
import { ToolFailure } from "../tool-failure.ts";
import { findOwnFiles, isOfKernel, type OwnPaths } from "../withheld/own-files.ts";
import { BOOCODEIGNORE, readBoocodeignore } from "../withheld/read-boocodeignore.ts";
import { createWithheldGroupOf, type WithheldGroupOf } from "../withheld/withheld-group.ts";
import { createWithholding, OWN } from "../withheld/withholding.ts";
import { leadsOut } from "./leads-out.ts";
import { explainOpenError, type OpenKind, requireKind, WithheldFailure } from "./open-errors.ts";
import { descriptorPath, FLAGS, openFolder, type ProjectFolder } from "./open-folder.ts";
import { quickFiles } from "./quick-files.ts";
import { toRelativePath } from "./to-relative-path.ts";
import { isInside, type VerifyOpened, verifyByDescriptor, verifyByInode } from "./verify-opened.ts";

/** An open regular file or directory, verified to lie inside the root after it was opened. The caller closes `handle`. */
export interface OpenedPath {
  handle: FileHandle;
  kind: "file" | "directory";
  /** Bytes. */
  size: number;
  /** Relative to the root, with every symlink resolved; `.` is the root. */
  path: string;
  /** Leads to the open file even if its path has changed since: `/proc/self/fd/N` on Linux; elsewhere its real path. */
  stablePath: string;
}

export interface ProjectRoot {
  /** The directory's real path when it was opened. */
  readonly real: string;
  /** Absolute paths of the root: its real path, and the path by which it was opened. */
  readonly paths: readonly string[];
  /** As in `OpenedPath`; the working directory of child processes. */
  readonly stablePath: string;
  /**
   * Opens a path for reading. Never returns anything outside the root, nor a file that is withheld.
   * @throws ToolFailure
   */
  open(path: string, kind: OpenKind): Promise<OpenedPath>;
  /** Like `open`, but returns null instead of throwing `ToolFailure`. */
  tryOpen(path: string, kind: OpenKind): Promise<OpenedPath | null>;
  /** Like `tryOpen`, but also opens what is withheld, for files that tools obey and do not show: git's index and settings. */
  tryOpenUnshown(path: string, kind: OpenKind): Promise<OpenedPath | null>;
  /** The group that withholds a real path, relative to the root; a folder's ends with a slash. Null for a file that may be shown. */
  withheld(path: string): string | null;
  /** Folders that belong to the service itself, relative to the root; searches do not enter them. */
  readonly closed: readonly string[];
  /** The directories above the root that the project's owner may use, the nearest first. Tools do not show their contents. */
  readonly above: readonly string[];
  /** Opens a regular file below one of `above`; null when it does not exist, or when a part of its path is a symlink. */
  openAbove(path: string): Promise<FileHandle | null>;
  close(): Promise<void>;
}

interface OpenOptions {
  /** False for systems without /proc, such as macOS. */
  descriptors?: boolean;
  /** Decides from a real path which files are withheld; default: those of every group. */
  withheldGroupOf?: WithheldGroupOf | undefined;
  own?: OwnPaths | undefined;
}

const { lstat, open: openFile, realpath } = quickFiles;
const everyGroup = createWithheldGroupOf();

/** The folder is not the one that was checked: it was moved, deleted or replaced since. */
export class FolderReplaced extends Error {
  override name = "FolderReplaced";
}

/**
 * Opens a project's directory, which the caller has opened and checked before (`openFolder`), and keeps it open until `close`.
 * @throws FolderReplaced
 */
export async function openProjectRoot(folder: ProjectFolder, options: OpenOptions = {}): Promise<ProjectRoot> {
  const { real, above } = folder;
  const paths = [real, posix.normalize(folder.path)];
  const rootBytes = Buffer.from(real);
  const finding = findOwnFiles(options.own ?? { folders: [], files: [] }, quickFiles);
  const ownFolders = finding.then(({ folders }) => folders);
  const opened = await openFolder(real, ownFolders, quickFiles).catch((cause: unknown) => {
    throw new FolderReplaced("the folder cannot be opened again", { cause });
  });
  const rootHandle = opened.handle;
  const { dev, ino } = opened.stats;
  if (opened.real !== real || String(dev) !== folder.device || String(ino) !== folder.inode) {
    await rootHandle.close();
    throw new FolderReplaced("the folder is not the one that was checked");
  }
  const descriptors = (options.descriptors ?? true) && opened.descriptors;
  const verify: VerifyOpened = descriptors ? verifyByDescriptor : verifyByInode;
  const rootPath = () => (descriptors ? descriptorPath(rootHandle) : real);

  const ofPath = options.withheldGroupOf ?? everyGroup;
  const withholding = createWithholding(paths, ofPath, await finding);
  let isIgnored = (_path: string) => false;
  const withheld = (path: string) => withholding.groupOf(path) ?? (isIgnored(path) ? BOOCODEIGNORE : null);
  const rootDevice = Number(dev);

  async function openAbove(file: string): Promise<FileHandle | null> {
    if (!above.some((directory) => isInside(Buffer.from(directory), Buffer.from(file)))) return null;
    const handle = await openFile(file, FLAGS).catch(() => null);
    if (handle === null) return null;
    // If any part of the path is a symlink, the open file has another path.
    if ((await handle.stat()).isFile() && (await verify(handle, file, Buffer.from(file))) !== null) return handle;
    await handle.close();
    return null;
  }

  async function openInside(asked: string, kind: OpenKind, isShown: boolean): Promise<OpenedPath> {
    const relative = toRelativePath(asked, paths);
    const target = await resolveInside(relative, asked);
    const before = await lstat(target);
    // Checked before the open as well: opening a device can have side effects.
    requireKind(before, kind, asked);
    const handle = await openFile(target, before.isDirectory() ? FLAGS | constants.O_DIRECTORY : FLAGS);
    try {
      const stats: Stats = await handle.stat();
      requireKind(stats, kind, asked);
      // This check is the guarantee. Everything above only finds the file and gives precise errors.
      const verified = await verify(handle, target, rootBytes);
      if (verified === null) throw outside(asked);
      const path = posix.relative(real, target) || ".";
      const stablePath = descriptors ? descriptorPath(handle) : target;
      // The kernel marks the path of a file that was deleted since.
      const found = verified.toString("utf8").replace(/ \(deleted\)$/, "");
      if (withholding.isOwn(found, stats) || (stats.dev !== rootDevice && (await isOfKernel(stablePath, quickFiles))))
        throw new WithheldFailure(asked, OWN);
      // Both, because a folder on the way may have been replaced by a symlink since the path was resolved.
      const group = isShown && stats.isFile() ? (withheld(path) ?? withheld(posix.relative(real, found))) : null;
      if (group !== null) throw new WithheldFailure(asked, group);
      return { handle, kind: stats.isDirectory() ? "directory" : "file", size: stats.size, path, stablePath };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Follows symlinks that stay inside the root, which monorepos use. @throws ToolFailure for one that leads out */
  async function resolveInside(relative: string, asked: string): Promise<string> {
    const found = await realpath(posix.join(rootPath(), relative), { encoding: "buffer" }).catch(async (error) => {
      // Whether something exists outside must not show: a link there has one answer.
      throw (await leadsOut(relative, paths)) ? outside(asked) : error;
    });
    if (!isInside(rootBytes, found)) throw outside(asked);
    const target = found.toString("utf8");
    if (!Buffer.from(target).equals(found))
      throw new ToolFailure(`${showPath(asked)} has a name that is not UTF-8 and cannot be opened`);
    return target;
  }

  const openOrExplain = (asked: string, kind: OpenKind, isShown: boolean) =>
    openInside(asked, kind, isShown).catch((error: unknown) => {
      throw explainOpenError(error, asked);
    });
  const orNull = (opening: Promise<OpenedPath>) =>
    opening.catch((error: unknown) => {
      if (error instanceof ToolFailure) return null;
      throw error;
    });

  const root: ProjectRoot = {
    real,
    paths,
    get stablePath() {
      return rootPath();
    },
    open: (asked, kind) => openOrExplain(asked, kind, true),
    tryOpen: (asked, kind) => orNull(openOrExplain(asked, kind, true)),
    tryOpenUnshown: (asked, kind) => orNull(openOrExplain(asked, kind, false)),
    withheld,
    closed: withholding.closed,
    above,
    openAbove,
    close: () => rootHandle.close(),
  };
  try {
    isIgnored = await readBoocodeignore(root);
    return root;
  } catch (error) {
    await rootHandle.close();
    throw error;
  }
}

function outside(asked: string): ToolFailure {
  return new ToolFailure(
    `${showPath(asked)} leads out of the project through a symlink; files outside the project cannot be read`,
  );
}
