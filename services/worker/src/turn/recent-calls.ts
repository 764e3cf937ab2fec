import type { ContextCut, RecentCall } from "@boocode/contracts";
import { NO_CUT } from "./fit-context.ts";
import type { RecentUsage } from "./prompt-budget.ts";

/** A request that fills less of its window than this may be cut anew: there is room for what was left out. */
const ROOMY = 0.35;

/** What a server counted the last time for this model, unless it left a part of the prompt out. */
export function recentUsage(calls: readonly RecentCall[], model: string | null): RecentUsage | null {
  const counted = calls.find(
    ({ context, ctx_used }) => context.model === model && ctx_used !== null && !context.truncated_by_server,
  );
  if (!counted || counted.ctx_used === null) return null;
  const promptTokens = counted.ctx_used - (counted.tokens_used ?? 0);
  return promptTokens > 0 ? { promptTokens, characters: counted.context.prompt_characters } : null;
}

/** The window that a server told with an earlier answer of this model; null when none did. */
export function recentWindow(calls: readonly RecentCall[], model: string | null): number | null {
  return calls.find(({ context, ctx_max }) => context.model === model && ctx_max !== null)?.ctx_max ?? null;
}

/**
 * Where the last request was cut, to be cut there again: its beginning is what a model server has in its cache. Another model
 * or window has no such cache, and a request that became small has room for what was left out.
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
