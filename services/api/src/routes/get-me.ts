import { Me, type UsageCounts } from "@boocode/contracts";
import { readUsage } from "@boocode/store";
import { answers } from "../answers.ts";
import { type App, callerOf, type Deps } from "../deps.ts";

const NOTHING: UsageCounts = {
  calls: 0,
  prompt_tokens: 0,
  cached_tokens: 0,
  answer_tokens: 0,
  reasoning_tokens: 0,
  estimated_tokens: 0,
};

export function getMe(app: App, { pool }: Deps): void {
  const schema = {
    summary: "Say who the caller is, what the token permits, and what the caller has used today",
    response: answers({ 200: Me }),
  };
  app.get("/api/me", { schema }, async (request) => {
    const { userId, userName, role, scopes, expiresAt } = callerOf(request);
    const today = new Date().toISOString().slice(0, 10);
    const [usage] = await readUsage(pool, userId, { by: ["day"], from: today, to: today, limit: 1 });
    return {
      ...{ id: userId, name: userName, role, scopes, expires_at: expiresAt },
      usage_today: usage?.total ?? NOTHING,
    };
  });
}
