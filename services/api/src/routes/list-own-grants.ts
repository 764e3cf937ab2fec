import { OwnGrantList } from "@boocode/contracts";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";

export function listOwnGrants(app: App, { allowedFolders }: Deps): void {
  const schema = {
    summary: "List the folders in which your projects may lie: those granted to you, and your own",
    response: answers({ 200: OwnGrantList }),
  };
  app.get("/api/me/grants", { schema }, async (request) => {
    const folders = await allowedFolders(callerOf(request).userId);
    return { grants: [...new Set(folders)].sort().map((path) => ({ path })), has_more: false };
  });
}
