import { ChangeProject, ErrorBody, Id, Project } from "@boocode/contracts";
import { renameProject } from "@boocode/store";
import { z } from "zod";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function changeProject(app: App, { pool, announce }: Deps): void {
  const schema = { params: z.object({ id: Id }), body: ChangeProject, response: { 200: Project, 404: ErrorBody } };
  app.patch("/api/projects/:id", { schema }, async (request) => {
    const ownerId = callerOf(request).userId;
    const changed = found(await renameProject(pool, ownerId, request.params.id, request.body.name));
    announce.toUser(ownerId, { type: "project_updated", ...changed });
    return changed.project;
  });
}
