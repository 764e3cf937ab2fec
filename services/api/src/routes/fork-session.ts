import { randomUUID } from "node:crypto";
import { ForkSession, Id, Session } from "@boocode/contracts";
import { limitsOf } from "@boocode/limits";
import * as store from "@boocode/store";
import { z } from "zod";
import { IdempotentHeaders, idempotencyKeyOf } from "../accept-turn.ts";
import { answers, BODY_ERRORS } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { ApiError } from "../errors.ts";

/** The error codes of this route, beside those of its body. */
const ERRORS = [
  "not_found",
  "turn_not_finished",
  "session_too_large",
  "quota_exceeded",
  "idempotency_key_reused",
] as const;

export function forkSession(app: App, { pool, announce, failpoint, limits }: Deps): void {
  const schema = {
    summary: "Copy a session up to and including a turn into a new session of the caller",
    params: z.object({ id: Id }),
    headers: IdempotentHeaders,
    body: ForkSession,
    response: answers({ 201: Session }, ...BODY_ERRORS, ...ERRORS),
  };
  app.post("/api/sessions/:id/fork", { schema }, async (request, reply) => {
    const caller = callerOf(request);
    const place = { id: randomUUID(), ownerId: caller.userId, sessionId: request.params.id };
    const fork = { ...request.body, ...place, limits: limitsOf(limits, caller) };
    const outcome = await store.forkSession(pool, fork, idempotencyKeyOf(request));
    if (outcome.kind !== "forked") throw new ApiError(outcome.kind);
    await failpoint("after-fork-session");
    announce(outcome.changes);
    return reply.status(201).send(outcome.session);
  });
}
