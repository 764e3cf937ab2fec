import { UserList, UserQuery } from "@boocode/contracts";
import * as store from "@boocode/store";
import { answers } from "../../answers.ts";
import type { App, Deps } from "../../deps.ts";

export function listUsers(app: App, { pool }: Deps): void {
  const schema = {
    summary: "List users by name",
    querystring: UserQuery,
    response: answers({ 200: UserList }, "invalid_request"),
  };
  app.get("/api/admin/users", { schema }, (request) => store.listUsers(pool, request.query));
}
