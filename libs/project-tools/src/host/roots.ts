import { MOST_OPEN, type ToolSettings } from "../pool/messages.ts";
import type { ProjectFolder } from "../project/open-folder.ts";
import { openProjectRoot, type ProjectRoot } from "../project/project-root.ts";
import { createWithheldGroupOf } from "../withheld/withheld-group.ts";

/**
 * Keeps the projects open that were used last, because a turn makes several calls.
 * @returns a function that opens a project, unless it is open, and throws `FolderReplaced`
 */
export function createRoots({ groupsOff, own }: Pick<ToolSettings, "groupsOff" | "own">) {
  const withheldGroupOf = createWithheldGroupOf(groupsOff);
  /** The least recently used first. */
  const open = new Map<string, ProjectRoot>();

  return async (folder: ProjectFolder): Promise<ProjectRoot> => {
    const root = open.get(folder.key) ?? (await openProjectRoot(folder, { withheldGroupOf, own }));
    open.delete(folder.key);
    open.set(folder.key, root);
    const [oldest] = open;
    if (oldest && open.size > MOST_OPEN) {
      open.delete(oldest[0]);
      await oldest[1].close();
    }
    return root;
  };
}
