import { ProjectList, ProjectQuery } from "@boocode/contracts";
import * as store from "@boocode/store";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";

export function listProjects(app: App, { pool }: Deps): void {
  const schema = {
    summary: "List your projects, oldest first; the first page has the newest",
    querystring: ProjectQuery,
    response: answers({ 200: ProjectList }, "invalid_request"),
  };
  app.get("/api/projects", { schema }, (request) => store.listProjects(pool, callerOf(request).userId, request.query));
}
