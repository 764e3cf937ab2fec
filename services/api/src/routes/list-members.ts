import { Id, MemberList } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function listMembers(app: App, { pool }: Deps): void {
  const schema = {
    summary: "List the owner of a project and the users with whom it is shared",
    params: z.object({ id: Id }),
    response: answers({ 200: MemberList }, "invalid_request", "not_found"),
  };
  app.get("/api/projects/:id/members", { schema }, async (request) => ({
    members: found(await store.listMembers(pool, callerOf(request).userId, request.params.id)),
    has_more: false,
  }));
}
