import { randomUUID } from "node:crypto";
import { CreateProject, ErrorBody, Project } from "@boocode/contracts";
import * as store from "@boocode/store";
import { type App, callerOf, type Deps } from "../deps.ts";

export function createProject(app: App, { pool, announce, checkProjectPath }: Deps): void {
  const schema = { body: CreateProject, response: { 201: Project, 422: ErrorBody } };
  app.post("/api/projects", { schema }, async (request, reply) => {
    const ownerId = callerOf(request).userId;
    const path = await checkProjectPath(request.body.path);
    const created = await store.createProject(pool, { id: randomUUID(), ownerId, name: request.body.name, path });
    announce.toUser(ownerId, { type: "project_created", ...created });
    return reply.status(201).send(created.project);
  });
}
