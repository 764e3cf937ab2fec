import { Id, TokenList } from "@boocode/contracts";
import { findUser, listTokens } from "@boocode/store";
import { z } from "zod";
import { answers } from "../../answers.ts";
import type { App, Deps } from "../../deps.ts";
import { found } from "../../errors.ts";

export function listUserTokens(app: App, { pool }: Deps): void {
  const schema = {
    summary: "List the live tokens of a user, newest first",
    params: z.object({ id: Id }),
    response: answers({ 200: TokenList }, "invalid_request", "not_found"),
  };
  app.get("/api/admin/users/:id/tokens", { schema }, async (request) => {
    const user = found(await findUser(pool, request.params.id));
    return { tokens: await listTokens(pool, user.id), has_more: false };
  });
}
