import { CreateUser, User } from "@boocode/contracts";
import { createNamedUser } from "@boocode/identity";
import { answers, BODY_ERRORS } from "../../answers.ts";
import { type App, callerOf, type Deps } from "../../deps.ts";
import { ApiError } from "../../errors.ts";

export function createUser(app: App, { pool }: Deps): void {
  const schema = {
    summary: "Create a user without a token",
    body: CreateUser,
    response: answers({ 201: User }, ...BODY_ERRORS, "name_taken"),
  };
  app.post("/api/admin/users", { schema }, async (request, reply) => {
    const user = await createNamedUser(pool, callerOf(request), request.body);
    if (user === "no_administrator") throw new ApiError("forbidden");
    if (user === "name_taken") throw new ApiError("name_taken", "another user has this name");
    if (user === "slug_taken") throw new ApiError("name_taken", "another user has or had this slug");
    return reply.status(201).send(user);
  });
}
