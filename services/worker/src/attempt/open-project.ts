import { DeadlineExceeded, isUnder, withDeadline } from "@boocode/runtime";
import { openProjectRoot, type ProjectRoot } from "../tools/project/project-root.ts";
import type { WithheldGroupOf } from "../tools/withheld/withheld-group.ts";

/** Where a project's files come from. Only paths are supported; another source, such as Git, would be a variant here. */
export type ProjectSource = { kind: "path"; path: string };

/** The project's folder is missing, does not answer, or is not under an allowed root. */
export class ProjectUnavailable extends Error {
  override name = "ProjectUnavailable";
}

/** A network disk that is unreachable never answers, and each waiting call occupies one of the few threads of Node's pool. */
const OPEN_MS = 10_000;

export interface ProjectRules {
  allowedRoots: readonly string[];
  withheldGroupOf: WithheldGroupOf;
}

/** @throws ProjectUnavailable; a folder that opens after the deadline is closed again */
export async function openProject(source: ProjectSource, rules: ProjectRules): Promise<ProjectRoot> {
  const opening = openPath(source.path, rules);
  try {
    return await withDeadline(OPEN_MS, "opening the project's folder", opening);
  } catch (cause) {
    if (!(cause instanceof DeadlineExceeded)) throw cause;
    opening.then(
      (root) => root.close(),
      () => {},
    );
    throw new ProjectUnavailable("the project's folder does not answer", { cause });
  }
}

async function openPath(path: string, { allowedRoots, withheldGroupOf }: ProjectRules): Promise<ProjectRoot> {
  const isAllowed = (directory: string) => isUnder(directory, allowedRoots);
  const root = await openProjectRoot(path, { isAllowed, withheldGroupOf }).catch((cause: unknown) => {
    throw new ProjectUnavailable("the project's folder cannot be opened", { cause });
  });
  // The opened folder is checked, not the path, because the folder may have become a symlink since it was registered.
  if (await isAllowed(root.real)) return root;
  await root.close();
  throw new ProjectUnavailable("the project's folder is not under an allowed root");
}
