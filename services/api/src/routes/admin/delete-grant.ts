import { Id } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../../answers.ts";
import { type App, callerOf, type Deps } from "../../deps.ts";
import { found } from "../../errors.ts";

export function deleteGrant(app: App, { pool, announce, failpoint, ownFolders }: Deps): void {
  const schema = {
    summary: "Take a grant back, and cancel the turns on the folders that the user loses with it",
    params: z.object({ id: Id, grantId: Id }),
    response: answers({ 204: z.null() }, "invalid_request", "not_found"),
  };
  app.delete("/api/admin/users/:id/grants/:grantId", { schema }, async (request, reply) => {
    const { id: userId, grantId } = request.params;
    const { slug } = found(await store.findFolderHolder(pool, userId));
    const lost = { userId, grantId, ownFolders: await ownFolders(slug), by: callerOf(request) };
    const { changes } = found(await store.deleteGrant(pool, lost));
    await failpoint("after-delete-grant");
    announce(changes);
    return reply.status(204).send(null);
  });
}
