import { randomUUID } from "node:crypto";
import { Id, PostMessage, TurnAccepted } from "@boocode/contracts";
import { limitsOf } from "@boocode/limits";
import * as store from "@boocode/store";
import { z } from "zod";
import { IdempotentHeaders, idempotencyKeyOf, MAKES_TURN, QUEUE_ERRORS, queued, toAccepted } from "../accept-turn.ts";
import { answers, BODY_ERRORS } from "../answers.ts";
import { createModelCheck } from "../check-model.ts";
import { type App, callerOf, type Deps } from "../deps.ts";

/** The answer is 202 once the message and its turn are stored, whether or not the queue can be reached. */
export function postMessage(app: App, deps: Deps): void {
  const { pool, announce, failpoint, limits, posts } = deps;
  const withModel = createModelCheck(deps);
  const schema = {
    summary: "Post a message and queue the turn that answers it",
    params: z.object({ id: Id }),
    headers: IdempotentHeaders,
    body: PostMessage,
    response: answers({ 202: TurnAccepted }, ...BODY_ERRORS, ...QUEUE_ERRORS),
  };
  app.post("/api/sessions/:id/messages", { schema, ...MAKES_TURN }, async (request, reply) => {
    const caller = callerOf(request);
    const { userId: ownerId, tokenId } = caller;
    const sessionId = request.params.id;
    const ids = { turnId: randomUUID(), messageId: randomUUID() };
    const post = { ownerId, tokenId, sessionId, limits: limitsOf(limits, caller), ...request.body, ...ids };
    const key = idempotencyKeyOf(request);
    const outcome = await posts.run(ownerId, () =>
      withModel(caller, sessionId, (checked) => store.postMessage(pool, { ...post, ...checked }, key)),
    );
    const turn = queued(outcome);
    await failpoint("after-post");
    announce(turn.changes);
    return reply.status(202).send(toAccepted(turn));
  });
}
