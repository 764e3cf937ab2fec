import { ShareList } from "@boocode/contracts";
import * as store from "@boocode/store";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";

export function listOwnShares(app: App, { pool }: Deps): void {
  const schema = { summary: "List the caller's live shares of all sessions", response: answers({ 200: ShareList }) };
  app.get("/api/me/shares", { schema }, async (request) => ({
    shares: await store.listOwnShares(pool, callerOf(request).userId),
    has_more: false,
  }));
}
