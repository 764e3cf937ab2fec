import { randomUUID } from "node:crypto";
import { Id, PostMessage, TurnAccepted } from "@boocode/contracts";
import { limitsOf } from "@boocode/limits";
import * as store from "@boocode/store";
import { z } from "zod";
import { IdempotentHeaders, idempotencyKeyOf, MAKES_TURN, QUEUE_ERRORS, queued, toAccepted } from "../accept-turn.ts";
import { answers, BODY_ERRORS } from "../answers.ts";
import { checkModelOf } from "../check-model.ts";
import { type App, callerOf, type Deps } from "../deps.ts";

/** The answer is 202 once the message and its turn are stored, whether or not the queue can be reached. */
export function postMessage(app: App, deps: Deps): void {
  const { pool, announce, failpoint, limits } = deps;
  const schema = {
    summary: "Post a message and queue the turn that answers it",
    params: z.object({ id: Id }),
    headers: IdempotentHeaders,
    body: PostMessage,
    response: answers({ 202: TurnAccepted }, ...BODY_ERRORS, ...QUEUE_ERRORS),
  };
  app.post("/api/sessions/:id/messages", { schema, ...MAKES_TURN }, async (request, reply) => {
    const caller = callerOf(request);
    await checkModelOf(deps, caller, request.params.id);
    const { userId: ownerId, tokenId } = caller;
    const place = { sessionId: request.params.id, limits: limitsOf(limits, caller) };
    const post = { ownerId, tokenId, ...place, ...request.body };
    const ids = { turnId: randomUUID(), messageId: randomUUID() };
    const turn = queued(await store.postMessage(pool, { ...post, ...ids }, idempotencyKeyOf(request)));
    await failpoint("after-post");
    announce(turn.changes);
    return reply.status(202).send(toAccepted(turn));
  });
}
