import { randomUUID } from "node:crypto";
import { CreateProject, Project } from "@boocode/contracts";
import * as store from "@boocode/store";
import { answers, BODY_ERRORS } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";

export function createProject(app: App, { pool, announce, failpoint, checkProjectPath }: Deps): void {
  const schema = {
    summary: "Create a project for a folder",
    body: CreateProject,
    response: answers({ 201: Project }, ...BODY_ERRORS, "path_not_allowed", "path_unreadable"),
  };
  app.post("/api/projects", { schema }, async (request, reply) => {
    const ownerId = callerOf(request).userId;
    const path = await checkProjectPath(request.body.path, ownerId);
    const created = await store.createProject(pool, { id: randomUUID(), ownerId, name: request.body.name, path });
    await failpoint("after-create-project");
    announce(created.changes);
    return reply.status(201).send(created.project);
  });
}
