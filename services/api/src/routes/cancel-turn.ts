import { CancelAnswer, Id } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

/**
 * Without a turn id this cancels the running turn, or else the first waiting one. Clients send the id of the turn that they show:
 * if it ends before the cancel arrives, the next turn is not hit.
 */
export function cancelTurn(app: App, { pool, announce, failpoint }: Deps): void {
  const schema = {
    summary: "Cancel the named turn, or else the running turn, or else the first waiting turn",
    params: z.object({ id: Id }),
    querystring: z.strictObject({ turn_id: Id.optional() }),
    response: answers({ 200: CancelAnswer }, "invalid_request", "not_found"),
  };
  app.post("/api/sessions/:id/cancel", { schema }, async (request) => {
    const ownerId = callerOf(request).userId;
    const outcome = found(await store.cancelTurn(pool, ownerId, request.params.id, request.query.turn_id));
    await failpoint("after-cancel");
    announce(outcome.changes);
    return outcome.answer;
  });
}
