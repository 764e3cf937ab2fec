import { Id, MessageList, MessageQuery } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

export function listMessages(app: App, { pool }: Deps): void {
  const schema = {
    summary: "List the newest messages, the live turns, and the cursor to follow the session from",
    params: z.object({ id: Id }),
    querystring: MessageQuery,
    response: answers({ 200: MessageList }, "invalid_request", "not_found"),
  };
  app.get("/api/sessions/:id/messages", { schema }, async (request) =>
    found(await store.listMessages(pool, callerOf(request).userId, request.params.id, request.query)),
  );
}
