import { randomUUID } from "node:crypto";
import { EditQuestion, Id, TurnAccepted } from "@boocode/contracts";
import { limitsOf } from "@boocode/limits";
import * as store from "@boocode/store";
import { z } from "zod";
import { IdempotentHeaders, idempotencyKeyOf, MAKES_TURN, QUEUE_ERRORS, queued, toAccepted } from "../accept-turn.ts";
import { answers, BODY_ERRORS } from "../answers.ts";
import { createModelCheck } from "../check-model.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { ApiError } from "../errors.ts";

export function editQuestion(app: App, deps: Deps): void {
  const { pool, announce, failpoint, limits, posts } = deps;
  const withModel = createModelCheck(deps);
  const schema = {
    summary: "Replace the last question: cancel its turn, delete it with its answer, and queue the new text",
    params: z.object({ id: Id }),
    headers: IdempotentHeaders,
    body: EditQuestion,
    response: answers({ 202: TurnAccepted }, ...BODY_ERRORS, "not_last_question", ...QUEUE_ERRORS),
  };
  app.post("/api/sessions/:id/edit", { schema, ...MAKES_TURN }, async (request, reply) => {
    const caller = callerOf(request);
    const { userId: ownerId, tokenId } = caller;
    const sessionId = request.params.id;
    const ids = { turnId: randomUUID(), messageId: randomUUID() };
    const edit = { ownerId, tokenId, sessionId, limits: limitsOf(limits, caller), ...request.body, ...ids };
    const key = idempotencyKeyOf(request);
    const outcome = await posts.run(ownerId, () =>
      withModel(caller, sessionId, (checked) => store.editQuestion(pool, { ...edit, ...checked }, key)),
    );
    if (outcome.kind === "not_last_question") throw new ApiError("not_last_question");
    const turn = queued(outcome);
    await failpoint("after-edit");
    announce(turn.changes);
    return reply.status(202).send(toAccepted(turn));
  });
}
