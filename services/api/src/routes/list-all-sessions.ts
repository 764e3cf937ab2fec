import { MAX_FOUND, SessionList, SessionQuery } from "@boocode/contracts";
import * as store from "@boocode/store";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";

export function listAllSessions(app: App, { pool }: Deps): void {
  const schema = {
    summary: "List or search the sessions of all your projects; with `q`, those with the newest match first",
    querystring: SessionQuery,
    response: answers({ 200: SessionList }, "invalid_request"),
  };
  app.get("/api/sessions", { schema, config: { searches: true } }, async (request) => {
    const { q: query, ...page } = request.query;
    const { userId } = callerOf(request);
    if (query === undefined) return await store.listAllSessions(pool, userId, page);
    return await store.searchTexts(pool, { ...page, userId, query, limit: Math.min(page.limit, MAX_FOUND) });
  });
}
