import { Id, ShareList } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function listShares(app: App, { pool }: Deps): void {
  const schema = {
    summary: "List the caller's live shares of a session; as the project's owner, all of them",
    params: z.object({ id: Id }),
    response: answers({ 200: ShareList }, "not_found"),
  };
  app.get("/api/sessions/:id/shares", { schema }, async (request) => ({
    shares: found(await store.listShares(pool, callerOf(request).userId, request.params.id)),
    has_more: false,
  }));
}
