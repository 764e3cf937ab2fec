import { CreateGrant, Grant, Id } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers, BODY_ERRORS } from "../../answers.ts";
import { type App, callerOf, type Deps } from "../../deps.ts";
import { ApiError } from "../../errors.ts";

export function createGrant(app: App, { pool, announce, failpoint, checkGrantedPath }: Deps): void {
  const schema = {
    summary: "Grant a user a folder, with everything below it",
    params: z.object({ id: Id }),
    body: CreateGrant,
    response: answers(
      { 201: Grant },
      ...BODY_ERRORS,
      "not_found",
      "too_many_grants",
      "path_not_allowed",
      "path_unreadable",
    ),
  };
  app.post("/api/admin/users/:id/grants", { schema }, async (request, reply) => {
    const path = await checkGrantedPath(request.body.path);
    const grant = await store.createGrant(pool, { userId: request.params.id, path, by: callerOf(request) });
    if (grant === "no_user") throw new ApiError("not_found");
    if (grant === "too_many") throw new ApiError("too_many_grants");
    await failpoint("after-create-grant");
    announce([]);
    return reply.status(201).send(grant);
  });
}
