import type { Stats } from "node:fs";
import { isOwn, type OwnFiles } from "./own-files.ts";
import type { WithheldGroupOf } from "./withheld-group.ts";

/** The group of what belongs to the service itself. */
export const OWN = "own";

/** What tools do not show of one project. Paths are relative to its root; a folder's ends with a slash. */
export interface Withholding {
  /** @returns the group that withholds a real path; null for one that may be shown */
  groupOf(path: string): string | null;
  /** Whether an open file or folder belongs to the service. @param real its absolute path */
  isOwn(real: string, stats: Stats): boolean;
  /** Folders in the project that belong to the service, which searches do not enter. */
  closed: readonly string[];
}

/** @param paths the absolute paths of the project's root, of which the first is its real path */
export function createWithholding(paths: readonly string[], ofPath: WithheldGroupOf, own: OwnFiles): Withholding {
  // Absolute paths, because the project itself may lie in a withheld folder.
  const prefixes = [...new Set(paths)].map((path) => path.replace(/\/?$/, "/"));
  const [root = "/"] = prefixes;
  const closed = own.folders.filter((folder) => folder.startsWith(root)).map((folder) => folder.slice(root.length));
  const hasOwn = closed.length > 0 || [...own.files].some((file) => file.startsWith(root));
  return {
    closed,
    isOwn: (real, stats) => isOwn(own, real, stats),
    groupOf(path) {
      if (hasOwn && isOwn(own, (root + path).replace(/\/$/, ""))) return OWN;
      for (const prefix of prefixes) {
        const group = ofPath(prefix + path);
        if (group !== null) return group;
      }
      return null;
    },
  };
}
