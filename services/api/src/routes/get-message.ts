import { Id, Message } from "@boocode/contracts";
import { findMessage } from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function getMessage(app: App, { pool }: Deps): void {
  const schema = {
    summary: "Get one message, whole where a list shortens it",
    params: z.object({ id: Id, messageId: Id }),
    response: answers({ 200: Message }, "invalid_request", "not_found"),
  };
  app.get("/api/sessions/:id/messages/:messageId", { schema }, async (request) => {
    const { id, messageId } = request.params;
    return found(await findMessage(pool, callerOf(request).userId, id, messageId));
  });
}
