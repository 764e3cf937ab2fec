import { randomUUID } from "node:crypto";
import { CreatedShare, CreateShare, Id } from "@boocode/contracts";
import { hashSecret, makeShareToken } from "@boocode/identity";
import { limitsOf } from "@boocode/limits";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers, BODY_ERRORS } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { ApiError, found } from "../errors.ts";

export function createShare(app: App, { pool, limits, shares }: Deps): void {
  const schema = {
    summary: "Share a session up to a turn by a link, which expires",
    params: z.object({ id: Id }),
    body: CreateShare,
    response: answers({ 201: CreatedShare }, ...BODY_ERRORS, "not_found", "turn_not_finished", "quota_exceeded"),
  };
  app.post("/api/sessions/:id/shares", { schema }, async (request, reply) => {
    const caller = callerOf(request);
    const { turn_id, audience, expires_in: expiresIn = shares.defaultS } = request.body;
    if (audience === "anyone" && !shares.isPublic) {
      throw new ApiError("forbidden", "this host shares only with people who are signed in");
    }
    if (expiresIn > shares.maxS) {
      throw new ApiError("invalid_request", `body.expires_in: must be at most ${shares.maxS} on this host`);
    }
    const token = makeShareToken();
    const wanted = { turn_id, audience, expiresIn, id: randomUUID(), tokenHash: hashSecret(token) };
    const place = { sessionId: request.params.id, most: limitsOf(limits, caller).shares };
    const share = found(await store.createShare(pool, caller, { ...wanted, ...place }));
    if (share === "turn_not_finished") throw new ApiError(share);
    return reply.status(201).send({ ...share, token });
  });
}
