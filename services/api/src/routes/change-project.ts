import { ChangeProject, Id, Project } from "@boocode/contracts";
import { renameProject } from "@boocode/store";
import { z } from "zod";
import { answers, BODY_ERRORS } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function changeProject(app: App, { pool, announce, failpoint }: Deps): void {
  const schema = {
    summary: "Rename a project",
    params: z.object({ id: Id }),
    body: ChangeProject,
    response: answers({ 200: Project }, ...BODY_ERRORS, "not_found"),
  };
  app.patch("/api/projects/:id", { schema }, async (request) => {
    const ownerId = callerOf(request).userId;
    const changed = found(await renameProject(pool, ownerId, request.params.id, request.body.name));
    await failpoint("after-change-project");
    announce(changed.changes);
    return changed.project;
  });
}
