import { Id, MessageList } from "@boocode/contracts";
import * as store from "@boocode/store";
import { z } from "zod";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";
import { found } from "../errors.ts";

const Page = z.strictObject({
  /** The maximum number of messages. A page has whole turns, and at least one turn, even if that is longer than the limit. */
  limit: z.coerce.number<string>().int().min(1).max(1_000).default(500),
  /** Only messages of turns below this ordinal, to read older pages. */
  before: z.coerce.number<string>().int().min(1).max(2_147_483_647).optional(),
});

export function listMessages(app: App, { pool }: Deps): void {
  const schema = {
    summary: "List the newest messages, the live turns, and the cursor to follow the session from",
    params: z.object({ id: Id }),
    querystring: Page,
    response: answers({ 200: MessageList }, "invalid_request", "not_found"),
  };
  app.get("/api/sessions/:id/messages", { schema }, async (request) =>
    found(await store.listMessages(pool, callerOf(request).userId, request.params.id, request.query)),
  );
}
