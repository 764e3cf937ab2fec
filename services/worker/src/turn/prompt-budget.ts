/** Settings for the part of a model's window that a request may take. */
export interface BudgetSettings {
  /** The share of the window that is reserved for the answer. */
  answerShare: number;
  /** The most tokens that are reserved for the answer. */
  answerTokens: number;
  /** In tokens, for models whose window is unknown. */
  defaultWindow: number;
}

export interface Budget {
  /** In tokens. */
  window: number;
  windowKnown: boolean;
  /** The most characters that a request may have. */
  limit: number;
  tokensPerCharacter: number;
}

/** The tokens that a server counted for a request, and the request's characters. */
export interface RecentUsage {
  promptTokens: number;
  characters: number;
}

/** The facts in a server's overflow error. They override every other source. */
export interface OverflowFacts {
  window: number | null;
  promptTokens: number | null;
  /** Characters of the refused request. */
  characters: number;
}

/** A request that was refused as too long shrinks by at least a quarter, whatever else is known. */
const SHRINK = 0.75;
/** For English and code. A tokenizer would cost 50 MB, and would count the tokens of another model. */
const CHARACTERS_PER_TOKEN = 3.6;
/** Bounds in characters per token. A count outside them cannot be a count of the whole prompt. */
const DENSEST = 1;
const THINNEST = 6;
/** Below this share of the estimate the server must have dropped a part of the prompt; estimates err by less. */
const TRUNCATED_BELOW = 0.5;
/** In tokens. A smaller prompt cannot be judged, because the chat template is too large a part of it. */
const JUDGED_FROM = 2_000;

/**
 * Computes the room for a request. Tokens are estimated from characters, with the ratio that the server last counted for
 * this session's model.
 * @param window in tokens; null when it is unknown
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

/** @param usage the newest count for this session and model; null when there is none */
export function tokensPerCharacter(usage: RecentUsage | null): number {
  if (!usage || usage.characters <= 0 || usage.promptTokens <= 0) return 1 / CHARACTERS_PER_TOKEN;
  return Math.min(1 / DENSEST, Math.max(1 / THINNEST, usage.promptTokens / usage.characters));
}

/** Whether the server read far less than it was sent. Ollama, for example, truncates a long prompt silently. */
export function isTruncated(promptTokens: number | null, estimate: number): boolean {
  return promptTokens !== null && estimate >= JUDGED_FROM && promptTokens < estimate * TRUNCATED_BELOW;
}
