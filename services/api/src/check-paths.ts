import { allowedFolders, type FolderSettings, grantableFolders, ownFolders } from "@boocode/identity";
import { findFolderHolder, type Pool } from "@boocode/store";
import { checkProjectPath } from "./check-project-path.ts";
import type { Deps } from "./deps.ts";

/** What the routes know of folders. Grants are read for each request, and the configured folders are resolved for each. */
export function checkPaths(
  pool: Pool,
  settings: FolderSettings,
): Pick<Deps, "checkProjectPath" | "checkGrantedPath" | "ownFolders"> {
  return {
    async checkProjectPath(path, userId) {
      const holder = await findFolderHolder(pool, userId);
      return await checkProjectPath(path, holder ? await allowedFolders(settings, holder) : []);
    },
    checkGrantedPath: async (path) =>
      await checkProjectPath(
        path,
        await grantableFolders(settings),
        "the path is not a directory within PROJECT_ROOTS",
      ),
    ownFolders: (slug) => ownFolders(settings, slug),
  };
}
