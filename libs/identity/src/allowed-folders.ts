import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { intersectFolders } from "@boocode/runtime";
import type { FolderHolder } from "@boocode/store";

/** What the configuration says about folders. */
export interface FolderSettings {
  /** Bounds every grant. */
  PROJECT_ROOTS: readonly string[];
  /** Templates of the folder that each user has without a grant. */
  USER_ROOTS: readonly string[];
}

/**
 * The folders in which a user's projects may lie, as real paths: what the user was granted and the user's own folders, as far as
 * PROJECT_ROOTS contains them. A path is allowed if its own real path is within one of them. The grants are not resolved again,
 * so that a granted folder that was replaced by a symlink allows nothing at the symlink's target.
 */
export async function allowedFolders(settings: FolderSettings, holder: FolderHolder): Promise<string[]> {
  const [bounds, own] = await Promise.all([grantableFolders(settings), ownFolders(settings, holder.slug)]);
  return intersectFolders([...holder.grants, ...own], bounds);
}

/** PROJECT_ROOTS as real paths; a missing root contains nothing. */
export const grantableFolders = ({ PROJECT_ROOTS }: Pick<FolderSettings, "PROJECT_ROOTS">): Promise<string[]> =>
  existing(PROJECT_ROOTS.map((root) => realpath(root)));

/** The folders that a user has by USER_ROOTS. Symlinks are resolved only before the user's name, where the operator put them. */
export const ownFolders = ({ USER_ROOTS }: Pick<FolderSettings, "USER_ROOTS">, slug: string): Promise<string[]> =>
  existing(
    USER_ROOTS.map(async (template) => {
      const [before = "", after = ""] = template.split("/{user}");
      return join(await realpath(before || "/"), slug, after);
    }),
  );

async function existing(paths: Promise<string>[]): Promise<string[]> {
  const found = await Promise.allSettled(paths);
  return found.flatMap((result) => (result.status === "fulfilled" ? [result.value.replace(/(?<=.)\/$/, "")] : []));
}
