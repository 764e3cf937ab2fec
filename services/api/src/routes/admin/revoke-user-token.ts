import { Id } from "@boocode/contracts";
import { revokeToken } from "@boocode/store";
import { z } from "zod";
import { answers } from "../../answers.ts";
import { type App, callerOf, type Deps } from "../../deps.ts";
import { found } from "../../errors.ts";

export function revokeUserToken(app: App, { pool, announce, failpoint }: Deps): void {
  const schema = {
    summary: "Revoke a token of a user, and cancel the turns that were posted with it",
    params: z.object({ id: Id, tokenId: Id }),
    response: answers({ 204: z.null() }, "invalid_request", "not_found"),
  };
  app.delete("/api/admin/users/:id/tokens/:tokenId", { schema }, async (request, reply) => {
    const { id: userId, tokenId } = request.params;
    const { changes } = found(await revokeToken(pool, callerOf(request), { tokenId, userId }));
    await failpoint("after-revoke-user-token");
    announce(changes);
    return reply.status(204).send(null);
  });
}
