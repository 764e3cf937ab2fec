import { ErrorBody, Id, Project } from "@boocode/contracts";
import { findProject } from "@boocode/store";
import { z } from "zod";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function getProject(app: App, { pool }: Deps): void {
  const schema = { params: z.object({ id: Id }), response: { 200: Project, 404: ErrorBody } };
  app.get("/api/projects/:id", { schema }, async (request) =>
    found(await findProject(pool, callerOf(request).userId, request.params.id)),
  );
}
