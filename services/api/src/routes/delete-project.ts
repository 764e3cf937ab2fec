import { ErrorBody, Id } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function deleteProject(app: App, { pool, announce }: Deps): void {
  const schema = { params: z.object({ id: Id }), response: { 204: z.null(), 404: ErrorBody } };
  app.delete("/api/projects/:id", { schema }, async (request, reply) => {
    const ownerId = callerOf(request).userId;
    const projectId = request.params.id;
    const { version, cancelling } = found(await store.deleteProject(pool, ownerId, projectId));
    announce.cancelling(cancelling);
    announce.toUser(ownerId, { type: "project_deleted", version, project_id: projectId });
    return reply.status(204).send(null);
  });
}
