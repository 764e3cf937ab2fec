import type { ContextCut, RecentCall } from "@boocode/contracts";
import { NO_CUT } from "./fit-context.ts";
import type { CountedRequest } from "./prompt-budget.ts";

/** After a request that fills a smaller share of its window, there may be room for what was left out. */
const ROOMY = 0.35;

/** Characters per token, for calls recorded by an earlier version, which estimated by characters alone. */
const CHARACTERS_PER_TOKEN = 3.6;

/** The newest token count for this model. A call whose prompt the server truncated does not count. */
export function recentCount(calls: readonly RecentCall[], model: string | null): CountedRequest | null {
  const counted = calls.find(
    ({ context, ctx_used }) => context.model === model && ctx_used !== null && !context.truncated_by_server,
  );
  if (!counted || counted.ctx_used === null) return null;
  const promptTokens = counted.ctx_used - (counted.tokens_used ?? 0);
  const { prompt_uncorrected, prompt_characters } = counted.context;
  const estimated = prompt_uncorrected ?? Math.ceil(prompt_characters / CHARACTERS_PER_TOKEN);
  return promptTokens > 0 ? { promptTokens, estimated } : null;
}

/** The context window that a server reported with an earlier answer of this model; null when none did. */
export function recentWindow(calls: readonly RecentCall[], model: string | null): number | null {
  return calls.find(({ context, ctx_max }) => context.model === model && ctx_max !== null)?.ctx_max ?? null;
}

/**
 * The cut of the last request, to be used again: the model server has the beginning of that request in its prompt cache.
 * Another model or window has no such cache.
 * @returns `hadAll`: the last request had every turn; `mayRestore`: it was so small that there may be room for what was left out
 */
export function recentCut(
  calls: readonly RecentCall[],
  model: string | null,
  window: number,
): { cut: ContextCut; turnsDropped: number; hadAll: boolean; mayRestore: boolean } {
  const last = calls[0]?.context;
  if (last?.model !== model || last.window !== window)
    return { cut: NO_CUT, turnsDropped: 0, hadAll: false, mayRestore: false };
  return {
    cut: last.cut,
    turnsDropped: last.turns_dropped,
    hadAll: last.turns_dropped === 0,
    mayRestore: last.prompt_estimate < window * ROOMY,
  };
}
