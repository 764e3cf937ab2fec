import { CancelAnswer, Id } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

/**
 * Without a turn id, this cancels the running turn or else the first waiting one. Clients send the id of the turn that they
 * show, so that the cancel does not hit the next turn if the shown one has just ended.
 */
export function cancelTurn(app: App, { pool, announce, failpoint }: Deps): void {
  const schema = {
    summary: "Cancel the turn with the given id; without an id, the running turn or else the first waiting one",
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
