import { posix } from "node:path";
import type { ProjectRoot } from "../project/project-root.ts";
import { readSmallFile } from "../project/read-start.ts";
import { type GitIndex, parseGitIndex, UnreadableIndex } from "./git-index.ts";
import type { RuleBudget } from "./rule-budget.ts";

/** A git repository in the project, as far as it decides which files are searched. */
export interface Repository {
  /** The top of its working tree, relative to the root. */
  directory: string;
  /** The path of `info/exclude`. `core.excludesFile` is not read: it is a per-user setting, which means nothing on a server. */
  exclude: string | null;
  /** Paths relative to the root. */
  files: string[];
  submodules: string[];
  /** Why the tracked files are unknown; null when they are known. */
  problem: string | null;
}

const MAX_SETTING_BYTES = 64 * 1024;

/**
 * Reads what the directory's git folder says about it. Never runs git, because a repository's configuration can name programs to
 * run. Opens everything through the project's root, so a `.git` file that leads out of it is not followed.
 * @returns null when the directory is not the top of a repository
 */
export async function readRepository(
  root: ProjectRoot,
  directory: string,
  budget: RuleBudget,
): Promise<Repository | null> {
  const unknown = (problem: string) => ({ directory, exclude: null, files: [], submodules: [], problem });
  const gitFolder = await findGitFolder(root, directory);
  if (gitFolder === "outside") return unknown("its git folder is outside the project");
  if (gitFolder === null) return null;
  const common = await readCommonFolder(root, gitFolder);
  const needed = [posix.join(common, "objects"), posix.join(common, "refs")];
  for (const path of needed) if (!(await exists(root, path, "directory"))) return null;
  if (!(await exists(root, posix.join(gitFolder, "HEAD"), "file"))) return null;

  const exclude = posix.join(common, "info/exclude");
  try {
    const { files, submodules } = await readIndex(root, gitFolder, common, budget);
    const fromRoot = (path: string) => (directory === "." ? path : `${directory}/${path}`);
    return {
      directory,
      exclude,
      files: files.map(fromRoot),
      submodules: submodules.map(fromRoot),
      problem: null,
    };
  } catch (error) {
    if (!(error instanceof UnreadableIndex)) throw error;
    return { ...unknown(error.message), exclude };
  }
}

async function findGitFolder(root: ProjectRoot, directory: string): Promise<string | "outside" | null> {
  const path = posix.join(directory, ".git");
  const opened = await root.tryOpenUnshown(path, "any");
  await opened?.handle.close();
  if (opened?.kind !== "file") return opened === null ? null : path;
  const content = (await readSmallFile(root, path, MAX_SETTING_BYTES))?.toString("utf8") ?? "";
  const target = /^gitdir: ([^\r\n]+)/.exec(content)?.[1];
  if (target === undefined) return null;
  const relative = fromRoot(root, directory, target);
  return relative ?? "outside";
}

/** A linked working tree shares everything but its index and HEAD with the main one. */
async function readCommonFolder(root: ProjectRoot, gitFolder: string): Promise<string> {
  const content = await readSmallFile(root, posix.join(gitFolder, "commondir"), MAX_SETTING_BYTES);
  const target = content?.toString("utf8").trimEnd();
  return target ? (fromRoot(root, gitFolder, target) ?? gitFolder) : gitFolder;
}

/** Converts a path, absolute or relative to `directory`, to one relative to the root; null when it is outside. */
function fromRoot(root: ProjectRoot, directory: string, path: string): string | null {
  const relative = posix.relative(root.real, posix.resolve(root.real, directory, path)) || ".";
  return relative === ".." || relative.startsWith("../") ? null : relative;
}

async function exists(root: ProjectRoot, path: string, kind: "file" | "directory"): Promise<boolean> {
  const opened = await root.tryOpenUnshown(path, kind);
  await opened?.handle.close();
  return opened !== null;
}

/** @throws UnreadableIndex */
async function readIndex(root: ProjectRoot, gitFolder: string, common: string, budget: RuleBudget): Promise<GitIndex> {
  const settings = await readSmallFile(root, posix.join(common, "config"), MAX_SETTING_BYTES);
  const hashBytes = /^\s*objectformat\s*=\s*sha256\s*$/im.test(settings?.toString("utf8") ?? "") ? 32 : 20;
  const bytes = await readWhole(root, posix.join(gitFolder, "index"), budget);
  // A new repository has no index.
  if (bytes === null) return { files: [], submodules: [], shared: null };
  const index = parseGitIndex(bytes, hashBytes, budget);
  if (index.shared === null) return index;
  const shared = await readWhole(root, posix.join(gitFolder, `sharedindex.${index.shared.hash}`), budget);
  if (shared === null) throw new UnreadableIndex("its shared index is missing");
  const below = parseGitIndex(shared, hashBytes, budget, index.shared.deleted);
  return {
    files: [...below.files, ...index.files],
    submodules: [...below.submodules, ...index.submodules],
    shared: null,
  };
}

async function readWhole(root: ProjectRoot, path: string, budget: RuleBudget): Promise<Buffer | null> {
  const bytes = await readSmallFile(root, path, budget.index + 1);
  if (bytes !== null && bytes.length > budget.index)
    throw new UnreadableIndex("it is too large, alone or with the indexes of other repositories in the project");
  budget.index -= bytes?.length ?? 0;
  return bytes;
}
