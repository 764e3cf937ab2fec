import { Id, SessionList, SessionQuery } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function listSessions(app: App, { pool }: Deps): void {
  const schema = {
    summary: "List the sessions of a project, most recently used first",
    params: z.object({ id: Id }),
    querystring: SessionQuery,
    response: answers({ 200: SessionList }, "invalid_request", "not_found"),
  };
  app.get("/api/projects/:id/sessions", { schema }, async (request) => {
    const ownerId = callerOf(request).userId;
    const project = found(await store.findProject(pool, ownerId, request.params.id));
    return await store.listSessions(pool, ownerId, project.id, request.query);
  });
}
