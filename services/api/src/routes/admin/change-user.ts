import { ChangeUser, Id, User } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers, BODY_ERRORS } from "../../answers.ts";
import { type App, callerOf, type Deps } from "../../deps.ts";
import { changedUser } from "../../errors.ts";

export function changeUser(app: App, { pool }: Deps): void {
  const schema = {
    summary: "Disable or enable a user, or change the user's role",
    params: z.object({ id: Id }),
    body: ChangeUser,
    response: answers({ 200: User }, ...BODY_ERRORS, "not_found", "last_administrator"),
  };
  app.patch("/api/admin/users/:id", { schema }, async (request) =>
    changedUser(await store.changeUser(pool, callerOf(request), request.params.id, request.body)),
  );
}
