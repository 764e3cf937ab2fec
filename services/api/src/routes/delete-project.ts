import { Id } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function deleteProject(app: App, { pool, announce, failpoint }: Deps): void {
  const schema = {
    summary: "Delete a project and its sessions, and cancel their turns",
    params: z.object({ id: Id }),
    response: answers({ 204: z.null() }, "invalid_request", "not_found"),
  };
  app.delete("/api/projects/:id", { schema }, async (request, reply) => {
    const { changes } = found(await store.deleteProject(pool, callerOf(request).userId, request.params.id));
    await failpoint("after-delete-project");
    announce(changes);
    // The project is gone already. What is left or fails here, the workers do.
    await store.emptyProject(pool, request.params.id).then(
      (emptied) => announce(emptied.changes),
      (err: unknown) => request.log.warn({ err }, "workers will delete the sessions of a deleted project"),
    );
    return reply.status(204).send(null);
  });
}
