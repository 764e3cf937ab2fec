import { Id, MessageList, TurnMessageQuery } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function listTurnMessages(app: App, { pool }: Deps): void {
  const schema = {
    summary: "List the newest messages of a turn",
    params: z.object({ id: Id, turnId: Id }),
    querystring: TurnMessageQuery,
    response: answers({ 200: MessageList }, "invalid_request", "not_found"),
  };
  app.get("/api/sessions/:id/turns/:turnId/messages", { schema }, async (request) => {
    const { id, turnId } = request.params;
    return found(await store.listMessages(pool, callerOf(request).userId, id, { ...request.query, turnId }));
  });
}
