import { LIMIT_NAMES, type LimitStates, Me, type UsageCounts, type UserLimits } from "@boocode/contracts";
import { limitsOf } from "@boocode/limits";
import { type Counts, readCounts, readUsage } from "@boocode/store";
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

export function getMe(app: App, { pool, limits }: Deps): void {
  const schema = {
    summary: "Say who the caller is, what the token permits, what the caller has used today, and the limits",
    response: answers({ 200: Me }),
  };
  app.get("/api/me", { schema }, async (request) => {
    const caller = callerOf(request);
    const { userId, userName, role, scopes, expiresAt } = caller;
    const today = new Date().toISOString().slice(0, 10);
    const [usage] = await readUsage(pool, userId, { by: ["day"], from: today, to: today, limit: 1 });
    return {
      ...{ id: userId, name: userName, role, scopes, expires_at: expiresAt },
      usage_today: usage?.total ?? NOTHING,
      limits: statesOf(limitsOf(limits, caller), await readCounts(pool, userId)),
    };
  });
}

function statesOf(limits: UserLimits, counts: Counts): LimitStates {
  const used: Partial<Record<string, number>> = counts;
  const states = LIMIT_NAMES.map((name) => [name, { limit: limits[name], used: used[name] ?? null }]);
  return Object.fromEntries(states) as LimitStates;
}
