import { ProjectList } from "@boocode/contracts";
import * as store from "@boocode/store";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";

export function listProjects(app: App, { pool }: Deps): void {
  app.get(
    "/api/projects",
    { schema: { summary: "List your projects, oldest first", response: answers({ 200: ProjectList }) } },
    async (request) => ({
      projects: await store.listProjects(pool, callerOf(request).userId),
    }),
  );
}
