import { randomUUID } from "node:crypto";
import { Id, TurnAccepted } from "@boocode/contracts";
import { limitsOf } from "@boocode/limits";
import * as store from "@boocode/store";
import { z } from "zod";
import { IdempotentHeaders, idempotencyKeyOf, MAKES_TURN, QUEUE_ERRORS, queued, toAccepted } from "../accept-turn.ts";
import { answers } from "../answers.ts";
import { createModelCheck } from "../check-model.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { ApiError } from "../errors.ts";

export function regenerateAnswer(app: App, deps: Deps): void {
  const { pool, announce, failpoint, limits, posts } = deps;
  const withModel = createModelCheck(deps);
  const schema = {
    summary: "Delete the last answer and queue a new turn for the same question",
    params: z.object({ id: Id }),
    headers: IdempotentHeaders,
    response: answers({ 202: TurnAccepted }, "invalid_request", "nothing_to_regenerate", ...QUEUE_ERRORS),
  };
  app.post("/api/sessions/:id/regenerate", { schema, ...MAKES_TURN }, async (request, reply) => {
    const caller = callerOf(request);
    const { userId: ownerId, tokenId } = caller;
    const sessionId = request.params.id;
    const newTurn = { ownerId, tokenId, sessionId, limits: limitsOf(limits, caller), turnId: randomUUID() };
    const key = idempotencyKeyOf(request);
    const outcome = await posts.run(ownerId, () =>
      withModel(caller, sessionId, (checked) => store.regenerateAnswer(pool, { ...newTurn, ...checked }, key)),
    );
    if (outcome.kind === "nothing") throw new ApiError("nothing_to_regenerate");
    const turn = queued(outcome);
    await failpoint("after-regenerate");
    announce(turn.changes);
    return reply.status(202).send(toAccepted(turn));
  });
}
