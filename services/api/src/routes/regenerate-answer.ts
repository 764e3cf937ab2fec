import { randomUUID } from "node:crypto";
import { Id, TurnAccepted } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { ApiError } from "../errors.ts";
import { IdempotentHeaders, idempotencyKeyOf } from "../idempotency-key.ts";

/** The last answer goes, and a new turn answers the same question. */
export function regenerateAnswer(app: App, { pool, announce, failpoint }: Deps): void {
  const schema = {
    summary: "Delete the last answer and have it made again",
    params: z.object({ id: Id }),
    headers: IdempotentHeaders,
    response: answers(
      { 202: TurnAccepted },
      "invalid_request",
      "not_found",
      "session_busy",
      "nothing_to_regenerate",
      "idempotency_key_reused",
    ),
  };
  app.post("/api/sessions/:id/regenerate", { schema }, async (request, reply) => {
    const turn = { ownerId: callerOf(request).userId, sessionId: request.params.id, turnId: randomUUID() };
    const outcome = await store.regenerateAnswer(pool, turn, idempotencyKeyOf(request));
    if (outcome.kind === "not_found") throw new ApiError("not_found");
    if (outcome.kind === "busy") throw new ApiError("session_busy");
    if (outcome.kind === "nothing") throw new ApiError("nothing_to_regenerate");
    await failpoint("after-regenerate");
    announce(outcome.changes);
    return reply.status(202).send({
      session_id: outcome.message.session_id,
      turn_id: outcome.turnId,
      message_id: outcome.message.id,
      turn_ordinal: outcome.message.turn_ordinal,
      version: outcome.version,
    });
  });
}
