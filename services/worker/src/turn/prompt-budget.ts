import type { RecentUsage } from "./token-ratio.ts";
import { tokensPerCharacter } from "./token-ratio.ts";

/** How much of a model's window a request may take. */
export interface BudgetSettings {
  /** The part of the window that is kept for the answer, and at most so many tokens of it. */
  answerShare: number;
  answerTokens: number;
  /** For models whose window nobody tells, in tokens. */
  defaultWindow: number;
}

export interface Budget {
  window: number;
  windowKnown: boolean;
  /** Characters that a request may have. */
  limit: number;
  tokensPerCharacter: number;
}

/** What an overflow error said: nothing is surer. */
export interface OverflowFacts {
  window: number | null;
  promptTokens: number | null;
  /** Characters of the request that was refused. */
  characters: number;
}

/** A request that was refused as too long is made smaller by a quarter at least, whatever is known. */
const SHRINK = 0.75;

/**
 * The room for a request. Tokens are estimated from characters, by what the server counted for this session's model the
 * last time; the estimate is as good as that.
 * @param window in tokens; null when nobody tells it
 */
export function budgetFor(
  settings: BudgetSettings,
  window: number | null,
  usage: RecentUsage | null,
  overflow: OverflowFacts | null,
): Budget {
  const size = overflow?.window ?? window ?? settings.defaultWindow;
  const answer = Math.min(Math.floor(size * settings.answerShare), settings.answerTokens);
  const ratio = tokensPerCharacter(
    overflow?.promptTokens ? { promptTokens: overflow.promptTokens, characters: overflow.characters } : usage,
  );
  const room = Math.floor((size - answer) / ratio);
  return {
    window: size,
    windowKnown: (overflow?.window ?? window) !== null,
    limit: overflow ? Math.min(room, Math.floor(overflow.characters * SHRINK)) : room,
    tokensPerCharacter: ratio,
  };
}

export const estimateTokens = (characters: number, ratio: number) => Math.ceil(characters * ratio);
