import { randomUUID } from "node:crypto";
import { Id, TurnAccepted } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { IdempotentHeaders, idempotencyKeyOf, QUEUE_ERRORS, queued, toAccepted } from "../accept-turn.ts";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { ApiError } from "../errors.ts";

export function regenerateAnswer(app: App, { pool, announce, failpoint }: Deps): void {
  const schema = {
    summary: "Delete the last answer and queue a new turn for the same question",
    params: z.object({ id: Id }),
    headers: IdempotentHeaders,
    response: answers({ 202: TurnAccepted }, "invalid_request", "nothing_to_regenerate", ...QUEUE_ERRORS),
  };
  app.post("/api/sessions/:id/regenerate", { schema }, async (request, reply) => {
    const { userId: ownerId, tokenId } = callerOf(request);
    const turnOf = { ownerId, tokenId, sessionId: request.params.id, turnId: randomUUID() };
    const outcome = await store.regenerateAnswer(pool, turnOf, idempotencyKeyOf(request));
    if (outcome.kind === "nothing") throw new ApiError("nothing_to_regenerate");
    const turn = queued(outcome);
    await failpoint("after-regenerate");
    announce(turn.changes);
    return reply.status(202).send(toAccepted(turn));
  });
}
