import { Id } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../../answers.ts";
import { type App, callerOf, type Deps } from "../../deps.ts";
import { changedUser } from "../../errors.ts";

export function deleteUser(app: App, { pool, announce, failpoint }: Deps): void {
  const schema = {
    summary: "Delete a user with all projects, cancel the turns and revoke the tokens; the data is purged later",
    params: z.object({ id: Id }),
    response: answers({ 204: z.null() }, "invalid_request", "not_found", "last_administrator"),
  };
  app.delete("/api/admin/users/:id", { schema }, async (request, reply) => {
    const { changes } = changedUser(await store.deleteUser(pool, callerOf(request), request.params.id));
    await failpoint("after-delete-user");
    announce(changes);
    return reply.status(204).send(null);
  });
}
