import { MAX_FOUND, ProjectList, ProjectQuery } from "@boocode/contracts";
import * as store from "@boocode/store";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";

export function listProjects(app: App, { pool }: Deps): void {
  const schema = {
    summary: "List your projects, or search them by name, oldest first; the first page has the newest",
    querystring: ProjectQuery,
    response: answers({ 200: ProjectList }, "invalid_request"),
  };
  app.get("/api/projects", { schema, config: { searches: true } }, async (request) => {
    const { q: query, ...page } = request.query;
    const { userId } = callerOf(request);
    if (query === undefined) return await store.listProjects(pool, userId, page);
    return await store.searchProjects(pool, userId, { ...page, query, limit: Math.min(page.limit, MAX_FOUND) });
  });
}
