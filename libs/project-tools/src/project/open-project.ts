import { TURN_ERRORS } from "@boocode/contracts";
import { DeadlineExceeded, isWithinAny, withDeadline } from "@boocode/runtime";
import { findOwnFolders, type OwnPaths } from "../withheld/own-files.ts";
import { describeFolder, openFolder, type ProjectFolder } from "./open-folder.ts";

/** Where a project's files come from. Only paths are supported; another source, such as Git, would be a variant here. */
export type ProjectSource = { kind: "path"; path: string };

/** The project's folder is missing, does not answer, or is not allowed. Users see the message, so it is the same for each reason. */
export class ProjectUnavailable extends Error {
  override name = "ProjectUnavailable";
}

/** A network disk that is unreachable never answers, and each waiting call occupies one of the few threads of Node's pool. */
const OPEN_MS = 10_000;

/** Decides what may be opened as a project. */
export interface ProjectRules {
  /** Reads the real paths of the folders that the project's owner may use now. */
  allowed(): Promise<string[]>;
  own: OwnPaths;
}

/** A project's folder, held open so that no other folder can get its inode. */
export interface OpenProject {
  folder: ProjectFolder;
  close(): Promise<void>;
}

/** @throws ProjectUnavailable; a folder that opens after the deadline is closed again */
export async function openProject(source: ProjectSource, rules: ProjectRules): Promise<OpenProject> {
  const opening = openPath(source.path, rules);
  try {
    return await withDeadline(OPEN_MS, "opening the project's folder", opening);
  } catch (cause) {
    if (!(cause instanceof DeadlineExceeded)) throw cause;
    opening.then(
      (project) => project.close(),
      () => {},
    );
    throw new ProjectUnavailable("the project's folder does not answer", { cause });
  }
}

/** Turns that begin within this time share a look at the paths of the service: they are its operator's, and hardly ever change. */
const OWN_MS = 1_000;
const looks = new WeakMap<OwnPaths, { folders: Promise<string[]>; until: number }>();

function ownFoldersOf(own: OwnPaths): Promise<string[]> {
  const known = looks.get(own);
  if (known && performance.now() < known.until) return known.folders;
  const look = { folders: findOwnFolders(own), until: performance.now() + OWN_MS };
  looks.set(own, look);
  return look.folders;
}

async function openPath(path: string, { allowed, own }: ProjectRules): Promise<OpenProject> {
  const [folders, opening] = await Promise.allSettled([allowed(), openFolder(path, ownFoldersOf(own))]);
  if (opening.status === "rejected") throw unavailable({ cause: opening.reason });
  const opened = opening.value;
  const close = () => opened.handle.close();
  const isAllowed = (directory: string) => folders.status === "fulfilled" && isWithinAny(directory, folders.value);
  // The opened folder is checked, not the path, because the folder may have become a symlink since it was registered.
  if (isAllowed(opened.real)) return { folder: describeFolder(opened, path, isAllowed), close };
  await close();
  throw folders.status === "rejected" ? folders.reason : unavailable();
}

const unavailable = (options?: ErrorOptions) => new ProjectUnavailable(TURN_ERRORS.project_unavailable, options);
