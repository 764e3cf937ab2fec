import { randomUUID } from "node:crypto";
import { Id, PostMessage, TurnAccepted } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers, BODY_ERRORS } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { ApiError } from "../errors.ts";
import { IdempotentHeaders, idempotencyKeyOf } from "../idempotency-key.ts";

/** The message and its turn are stored, and only then anybody is told; 202 whether or not the queue could be reached. */
export function postMessage(app: App, { pool, announce, failpoint }: Deps): void {
  const schema = {
    summary: "Ask: store a message and queue the turn that answers it",
    params: z.object({ id: Id }),
    headers: IdempotentHeaders,
    body: PostMessage,
    response: answers({ 202: TurnAccepted }, ...BODY_ERRORS, "not_found", "session_busy", "idempotency_key_reused"),
  };
  app.post("/api/sessions/:id/messages", { schema }, async (request, reply) => {
    const post = { ownerId: callerOf(request).userId, sessionId: request.params.id, ...request.body };
    const ids = { turnId: randomUUID(), messageId: randomUUID() };
    const outcome = await store.postMessage(pool, { ...post, ...ids }, idempotencyKeyOf(request));
    if (outcome.kind === "not_found") throw new ApiError("not_found");
    if (outcome.kind === "busy") throw new ApiError("session_busy");
    await failpoint("after-post");
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
