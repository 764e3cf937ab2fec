import { TokenList } from "@boocode/contracts";
import * as store from "@boocode/store";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";

export function listTokens(app: App, { pool }: Deps): void {
  const schema = { summary: "List the caller's live tokens, newest first", response: answers({ 200: TokenList }) };
  app.get("/api/me/tokens", { schema }, async (request) => ({
    tokens: await store.listTokens(pool, callerOf(request).userId),
    has_more: false,
  }));
}
