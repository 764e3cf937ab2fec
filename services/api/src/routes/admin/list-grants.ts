import { GrantList, Id } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../../answers.ts";
import type { App, Deps } from "../../deps.ts";
import { found } from "../../errors.ts";

export function listGrants(app: App, { pool }: Deps): void {
  const schema = {
    summary: "List the folders that a user was granted",
    params: z.object({ id: Id }),
    response: answers({ 200: GrantList }, "invalid_request", "not_found"),
  };
  app.get("/api/admin/users/:id/grants", { schema }, async (request) => ({
    grants: found(await store.listGrants(pool, request.params.id)),
    has_more: false,
  }));
}
