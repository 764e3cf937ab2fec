import type { ContextCut, RecentCall } from "@boocode/contracts";
import { NO_CUT } from "./fit-context.ts";
import type { RecentUsage } from "./prompt-budget.ts";

/** A request that fills a smaller share of its window is fitted from scratch: there is room for what was left out. */
const ROOMY = 0.35;

/** The newest token count for this model. A call whose prompt the server truncated does not count. */
export function recentUsage(calls: readonly RecentCall[], model: string | null): RecentUsage | null {
  const counted = calls.find(
    ({ context, ctx_used }) => context.model === model && ctx_used !== null && !context.truncated_by_server,
  );
  if (!counted || counted.ctx_used === null) return null;
  const promptTokens = counted.ctx_used - (counted.tokens_used ?? 0);
  return promptTokens > 0 ? { promptTokens, characters: counted.context.prompt_characters } : null;
}

/** The context window that a server reported with an earlier answer of this model; null when none did. */
export function recentWindow(calls: readonly RecentCall[], model: string | null): number | null {
  return calls.find(({ context, ctx_max }) => context.model === model && ctx_max !== null)?.ctx_max ?? null;
}

/**
 * The cut of the last request, to be used again: the model server has the beginning of that request in its prompt cache.
 * Another model or window has no such cache, and a small request has room for what was left out.
 */
export function recentCut(
  calls: readonly RecentCall[],
  model: string | null,
  window: number,
): { cut: ContextCut; turnsDropped: number } {
  const last = calls[0]?.context;
  const stays = last && last.model === model && last.window === window && last.prompt_estimate >= window * ROOMY;
  return stays ? { cut: last.cut, turnsDropped: last.turns_dropped } : { cut: NO_CUT, turnsDropped: 0 };
}
