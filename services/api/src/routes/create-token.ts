import { CreatedToken, CreateToken } from "@boocode/contracts";
import { decideToken } from "@boocode/identity";
import { answers, BODY_ERRORS } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { ApiError } from "../errors.ts";
import { issueToken, TOKEN_ERRORS } from "../issue-token.ts";

export function createToken(app: App, { pool }: Deps): void {
  const schema = {
    summary: "Create another token for the caller, which permits no more than the caller's own and not for longer",
    body: CreateToken,
    response: answers({ 201: CreatedToken }, ...BODY_ERRORS, ...TOKEN_ERRORS),
  };
  app.post("/api/me/tokens", { schema }, async (request, reply) => {
    const caller = callerOf(request);
    const rights = decideToken(caller, request.body);
    if (typeof rights === "string") throw new ApiError("forbidden", rights);
    const token = { userId: caller.userId, name: request.body.name, ...rights };
    return reply.status(201).send(await issueToken(pool, caller, token));
  });
}
