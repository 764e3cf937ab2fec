import { allowedFolders, type FolderSettings, grantableFolders, ownFolders } from "@boocode/identity";
import { findFolderHolder, type Pool } from "@boocode/store";
import { checkProjectPath } from "./check-project-path.ts";
import type { Deps } from "./deps.ts";

/** What the routes know of folders. Grants are read for each request, and the configured folders are resolved for each. */
export function checkPaths(
  pool: Pool,
  settings: FolderSettings,
): Pick<Deps, "checkProjectPath" | "checkGrantedPath" | "allowedFolders" | "ownFolders"> {
  const allowedTo = async (userId: string) => {
    const holder = await findFolderHolder(pool, userId);
    return holder ? await allowedFolders(settings, holder) : [];
  };
  return {
    checkProjectPath: async (path, userId) => await checkProjectPath(path, await allowedTo(userId)),
    checkGrantedPath: async (path) =>
      await checkProjectPath(
        path,
        await grantableFolders(settings),
        "the path is not a directory within PROJECT_ROOTS",
      ),
    allowedFolders: allowedTo,
    ownFolders: (slug) => ownFolders(settings, slug),
  };
}
