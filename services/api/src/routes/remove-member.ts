import { Id } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function removeMember(app: App, { pool, announce, failpoint }: Deps): void {
  const schema = {
    summary: "Stop sharing a project with a user; with your own id, leave it",
    params: z.object({ id: Id, userId: Id }),
    response: answers({ 204: z.null() }, "invalid_request", "not_found"),
  };
  app.delete("/api/projects/:id/members/:userId", { schema }, async (request, reply) => {
    const { id, userId } = request.params;
    const { changes } = found(await store.removeMember(pool, callerOf(request), id, userId));
    await failpoint("after-remove-member");
    announce(changes);
    return reply.status(204).send(null);
  });
}
