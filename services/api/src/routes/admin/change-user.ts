import { ChangeUser, Id, User } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers, BODY_ERRORS } from "../../answers.ts";
import { type App, callerOf, type Deps } from "../../deps.ts";
import { changedUser } from "../../errors.ts";

export function changeUser(app: App, { pool, announce, failpoint }: Deps): void {
  const schema = {
    summary: "Disable a user and cancel the user's turns, enable a user, or change the role",
    params: z.object({ id: Id }),
    body: ChangeUser,
    response: answers({ 200: User }, ...BODY_ERRORS, "not_found", "last_administrator"),
  };
  app.patch("/api/admin/users/:id", { schema }, async (request) => {
    const outcome = await store.changeUser(pool, callerOf(request), request.params.id, request.body);
    const { user, changes } = changedUser(outcome);
    await failpoint("after-change-user");
    announce(changes);
    return user;
  });
}
