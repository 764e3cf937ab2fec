import { Id, Member, SetMember } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers, BODY_ERRORS } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { ApiError, found } from "../errors.ts";

/** The user is named in the body, because a name in a path would be in the logs of proxies. */
export function setMember(app: App, { pool, announce, failpoint }: Deps): void {
  const schema = {
    summary: "Share a project with a user, or change the user's role",
    params: z.object({ id: Id }),
    body: SetMember,
    response: answers({ 200: Member }, ...BODY_ERRORS, "not_found", "no_such_user", "too_many_members"),
  };
  app.post("/api/projects/:id/members", { schema }, async (request) => {
    const outcome = found(await store.setMember(pool, callerOf(request), request.params.id, request.body));
    if (outcome.kind !== "set") throw new ApiError(outcome.kind);
    await failpoint("after-set-member");
    announce(outcome.changes);
    return outcome.member;
  });
}
