import { randomUUID } from "node:crypto";
import { CreateSession, Id, Session } from "@boocode/contracts";
import { limitsOf } from "@boocode/limits";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers, BODY_ERRORS } from "../answers.ts";
import { checkModel } from "../check-model.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function createSession(app: App, deps: Deps): void {
  const { pool, announce, failpoint, limits } = deps;
  const schema = {
    summary: "Create a session in a project",
    params: z.object({ id: Id }),
    body: CreateSession,
    response: answers({ 201: Session }, ...BODY_ERRORS, "not_found", "model_not_allowed", "quota_exceeded"),
  };
  app.post("/api/projects/:id/sessions", { schema }, async (request, reply) => {
    const caller = callerOf(request);
    await checkModel(deps, caller, request.body.model);
    const place = { id: randomUUID(), ownerId: caller.userId, projectId: request.params.id };
    const most = limitsOf(limits, caller).sessions;
    const { session, changes } = found(await store.createSession(pool, { ...request.body, ...place, most }));
    await failpoint("after-create-session");
    announce(changes);
    return reply.status(201).send(session);
  });
}
