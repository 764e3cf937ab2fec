import { CancelAnswer, Id } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { ApiError, found } from "../errors.ts";

export function withdrawTurn(app: App, { pool, announce, failpoint }: Deps): void {
  const schema = {
    summary: "Withdraw a waiting turn from the session's queue",
    params: z.object({ id: Id, turnId: Id }),
    response: answers({ 200: CancelAnswer }, "invalid_request", "not_found", "turn_not_waiting"),
  };
  app.delete("/api/sessions/:id/turns/:turnId", { schema }, async (request) => {
    const { id, turnId } = request.params;
    const ownerId = callerOf(request).userId;
    const outcome = found(await store.withdrawTurn(pool, ownerId, id, turnId));
    if (outcome.changes.length === 0) throw new ApiError("turn_not_waiting");
    await failpoint("after-withdraw");
    announce(outcome.changes);
    return outcome.answer;
  });
}
