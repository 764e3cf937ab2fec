import { Id } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function revokeToken(app: App, { pool, announce, failpoint }: Deps): void {
  const schema = {
    summary: "Revoke one of the caller's tokens, and cancel the turns that were posted with it",
    params: z.object({ id: Id }),
    response: answers({ 204: z.null() }, "invalid_request", "not_found"),
  };
  app.delete("/api/me/tokens/:id", { schema }, async (request, reply) => {
    const caller = callerOf(request);
    const token = { tokenId: request.params.id, userId: caller.userId };
    const { changes } = found(await store.revokeToken(pool, caller, token));
    await failpoint("after-revoke-token");
    announce(changes);
    return reply.status(204).send(null);
  });
}
