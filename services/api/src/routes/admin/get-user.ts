import { Id, User } from "@boocode/contracts";
import { findUser } from "@boocode/store";
import { z } from "zod";
import { answers } from "../../answers.ts";
import type { App, Deps } from "../../deps.ts";
import { found } from "../../errors.ts";

export function getUser(app: App, { pool }: Deps): void {
  const schema = {
    summary: "Read a user",
    params: z.object({ id: Id }),
    response: answers({ 200: User }, "invalid_request", "not_found"),
  };
  app.get("/api/admin/users/:id", { schema }, async (request) => found(await findUser(pool, request.params.id)));
}
