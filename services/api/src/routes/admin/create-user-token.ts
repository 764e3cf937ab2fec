import { CreatedToken, CreateToken, Id } from "@boocode/contracts";
import { z } from "zod";
import { answers, BODY_ERRORS } from "../../answers.ts";
import { type App, callerOf, type Deps } from "../../deps.ts";
import { issueToken, TOKEN_ERRORS } from "../../issue-token.ts";

/** Only for a user without data, because whoever has a token of a user reads what the user reads. */
export function createUserToken(app: App, { pool }: Deps): void {
  const schema = {
    summary: "Create a token for a user who has no projects yet",
    params: z.object({ id: Id }),
    body: CreateToken,
    response: answers({ 201: CreatedToken }, ...BODY_ERRORS, ...TOKEN_ERRORS, "not_found"),
  };
  app.post("/api/admin/users/:id/tokens", { schema }, async (request, reply) => {
    const { name, scopes, expires_at } = request.body;
    const token = { userId: request.params.id, name, scopes, expiresAt: expires_at ? new Date(expires_at) : null };
    return reply.status(201).send(await issueToken(pool, callerOf(request), token));
  });
}
