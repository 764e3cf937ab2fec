import { Id, Project } from "@boocode/contracts";
import { findProject } from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function getProject(app: App, { pool }: Deps): void {
  const schema = {
    summary: "Read a project",
    params: z.object({ id: Id }),
    response: answers({ 200: Project }, "invalid_request", "not_found"),
  };
  app.get("/api/projects/:id", { schema }, async (request) =>
    found(await findProject(pool, callerOf(request).userId, request.params.id)),
  );
}
