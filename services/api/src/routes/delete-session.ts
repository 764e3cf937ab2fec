import { Id } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function deleteSession(app: App, { pool, announce, failpoint }: Deps): void {
  const schema = {
    summary: "Delete a session; what runs in it is cancelled",
    params: z.object({ id: Id }),
    response: answers({ 204: z.null() }, "invalid_request", "not_found"),
  };
  app.delete("/api/sessions/:id", { schema }, async (request, reply) => {
    const ownerId = callerOf(request).userId;
    const sessionId = request.params.id;
    const { projectId, userVersion, cancelling } = found(await store.deleteSession(pool, ownerId, sessionId));
    await failpoint("after-delete-session");
    announce.cancelling(cancelling);
    const gone = { session_id: sessionId, project_id: projectId };
    announce.toUser(ownerId, { type: "session_deleted", version: userVersion, ...gone });
    return reply.status(204).send(null);
  });
}
