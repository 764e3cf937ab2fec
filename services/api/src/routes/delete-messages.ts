import { Id, MAX_DELETED_IDS, MessagesDeleted } from "@boocode/contracts";
import { deleteMessagesFrom } from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function deleteMessages(app: App, { pool, announce, failpoint }: Deps): void {
  const schema = {
    summary: "Delete a message and all later ones, and cancel the turns that write them",
    params: z.object({ id: Id, messageId: Id }),
    response: answers({ 200: MessagesDeleted }, "invalid_request", "not_found"),
  };
  app.delete("/api/sessions/:id/messages/:messageId", { schema }, async (request) => {
    const { id, messageId } = request.params;
    const ownerId = callerOf(request).userId;
    const { deleted, version, changes } = found(await deleteMessagesFrom(pool, ownerId, id, messageId));
    await failpoint("after-delete");
    announce(changes);
    return { deleted: deleted.length > MAX_DELETED_IDS ? [] : deleted, count: deleted.length, version };
  });
}
