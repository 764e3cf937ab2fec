import { CancelAnswer, Id } from "@boocode/contracts";
import { cancelCurrentTurn } from "@boocode/store";
import { z } from "zod";
import { withdrawnFrames } from "../announce.ts";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

/** Stops the turn that runs, else the first that waits; the answer says what became of it. */
export function cancelTurn(app: App, { pool, announce, fault }: Deps): void {
  const schema = {
    summary: "Cancel the turn that runs, else the first that waits",
    params: z.object({ id: Id }),
    response: answers({ 200: CancelAnswer }, "invalid_request", "not_found"),
  };
  app.post("/api/sessions/:id/cancel", { schema }, async (request) => {
    const ownerId = callerOf(request).userId;
    const outcome = found(await cancelCurrentTurn(pool, ownerId, request.params.id));
    await fault("after-cancel");
    announce.cancelling(outcome.cancelled.cancelling);
    announce.toSession(request.params.id, outcome.version, withdrawnFrames(outcome.cancelled, "user"));
    announce.toLists(ownerId, outcome.lists);
    return outcome.answer;
  });
}
