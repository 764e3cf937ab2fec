import { CancelAnswer, Id } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

/**
 * Stops the turn that runs, else the first that waits, or only the one that is named: whoever means the answer that they see
 * must not hit the next one, when that answer is complete before the cancel arrives. The answer says what became of it.
 */
export function cancelTurn(app: App, { pool, announce, failpoint }: Deps): void {
  const schema = {
    summary: "Cancel the turn that is named, else the one that runs, else the first that waits",
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
