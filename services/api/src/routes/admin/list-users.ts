import { UserList } from "@boocode/contracts";
import * as store from "@boocode/store";
import { answers } from "../../answers.ts";
import type { App, Deps } from "../../deps.ts";

export function listUsers(app: App, { pool }: Deps): void {
  const schema = { summary: "List all users by name", response: answers({ 200: UserList }) };
  app.get("/api/admin/users", { schema }, async () => ({ users: await store.listUsers(pool) }));
}
