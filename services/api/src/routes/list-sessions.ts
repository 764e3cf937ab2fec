import { Id, MAX_FOUND, SessionList, SessionQuery } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function listSessions(app: App, { pool }: Deps): void {
  const schema = {
    summary:
      "List the sessions of a project, most recently used first, or search them; with `q`, those with the newest match first",
    params: z.object({ id: Id }),
    querystring: SessionQuery,
    response: answers({ 200: SessionList }, "invalid_request", "not_found"),
  };
  app.get("/api/projects/:id/sessions", { schema, config: { searches: true } }, async (request) => {
    const { userId } = callerOf(request);
    const { q: query, ...page } = request.query;
    const { id: projectId } = found(await store.findProject(pool, userId, request.params.id));
    if (query === undefined) return await store.listSessions(pool, userId, projectId, page);
    return await store.searchTexts(pool, { ...page, userId, projectId, query, limit: Math.min(page.limit, MAX_FOUND) });
  });
}
