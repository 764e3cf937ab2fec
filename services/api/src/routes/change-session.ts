import { ChangeSession, Id, Session } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers, BODY_ERRORS } from "../answers.ts";
import { checkModel } from "../check-model.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function changeSession(app: App, deps: Deps): void {
  const { pool, announce, failpoint } = deps;
  const schema = {
    summary: "Rename a session, or change its model or system prompt",
    params: z.object({ id: Id }),
    body: ChangeSession,
    response: answers({ 200: Session }, ...BODY_ERRORS, "not_found", "model_not_allowed"),
  };
  app.patch("/api/sessions/:id", { schema }, async (request) => {
    const caller = callerOf(request);
    const ownerId = caller.userId;
    await checkModel(deps, caller, request.body.model);
    const changed = found(await store.changeSession(pool, ownerId, request.params.id, request.body));
    await failpoint("after-change-session");
    announce(changed.changes);
    return changed.session;
  });
}
