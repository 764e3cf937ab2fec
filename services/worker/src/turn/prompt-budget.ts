// PURE

/** Settings for the part of a model's window that a request may take. */
export interface BudgetSettings {
  /** The share of the window that is reserved for the answer. */
  answerShare: number;
  /** Limit of the tokens that are reserved for the answer, and of the answer itself. */
  answerTokens: number;
  /** In tokens, for models whose window is unknown. */
  defaultWindow: number;
}

/**
 * A server's count of a request's tokens, and our upper estimate of them (`Size.most`). Their ratio corrects the estimates of later
 * requests.
 */
export interface CountedRequest {
  promptTokens: number;
  estimated: number;
}

/** The facts in a server's overflow error. They override every other source. */
export interface OverflowFacts {
  window: number | null;
  promptTokens: number | null;
  /** The uncorrected estimate of the refused request. */
  estimated: number;
}

export interface Budget {
  /** In tokens. */
  window: number;
  windowKnown: boolean;
  /** Limit of a request, in uncorrected estimated tokens. */
  limit: number;
  /** Returns the corrected estimate of a request's tokens. */
  correct(estimated: number): number;
}

/** A request that was refused as too long shrinks by at least a quarter, whatever else is known. */
const SHRINK = 0.75;
/** Bounds of the correction. A count outside them cannot be a count of the whole prompt. */
const LOWEST = 0.2;
const HIGHEST = 4;
/** Upper bound for what was added since the count, because the count may include a prompt of the server's own. */
const HIGHEST_FOR_ADDED = 2;
/** In tokens. A smaller prompt cannot be judged, because the chat template is too large a part of it. */
const JUDGED_FROM = 1_000;
/** Minimum room for an answer. */
const LEAST_ANSWER = { tokens: 1_024, share: 0.1 };

/**
 * Computes the room for a request. What the server has counted is corrected by that count; only what was added since is
 * estimated.
 * @param window in tokens; null when it is unknown
 * @param counted the newest count for this session and model; null when there is none
 * @param added the uncorrected estimate of what was added since
 */
export function budgetFor(
  settings: BudgetSettings,
  window: number | null,
  counted: CountedRequest | null,
  added: number,
  overflow: OverflowFacts | null,
): Budget {
  const size = overflow?.window ?? window ?? settings.defaultWindow;
  const answer = Math.min(Math.floor(size * settings.answerShare), settings.answerTokens);
  const refused = overflow?.promptTokens
    ? { promptTokens: overflow.promptTokens, estimated: overflow.estimated }
    : null;
  const factor = correction(refused ?? counted);
  const uncounted = refused ? 0 : added;
  const forAdded = Math.min(Math.max(factor, 1), HIGHEST_FOR_ADDED);
  const room = size - answer;
  const roomForCounted = room - uncounted * forAdded;
  const limit = Math.floor(roomForCounted < 0 ? room / forAdded : uncounted + roomForCounted / factor);
  return {
    window: size,
    windowKnown: (overflow?.window ?? window) !== null,
    limit: overflow ? Math.min(limit, Math.floor(overflow.estimated * SHRINK)) : limit,
    correct: (estimated) =>
      Math.ceil(Math.max(0, estimated - uncounted) * factor + Math.min(estimated, uncounted) * forAdded),
  };
}

/** Returns the ratio of counted to estimated tokens, within its bounds. */
function correction(counted: CountedRequest | null): number {
  if (!counted || counted.estimated <= 0 || counted.promptTokens <= 0) return 1;
  return Math.min(HIGHEST, Math.max(LOWEST, counted.promptTokens / counted.estimated));
}

/**
 * Whether the server read less than it was sent. Ollama, for example, truncates a long prompt silently.
 * @param least the lower bound of the request's tokens
 */
export function isTruncated(promptTokens: number | null, least: number): boolean {
  return promptTokens !== null && least >= JUDGED_FROM && promptTokens < least;
}

/**
 * Returns the limit that a request states for the answer's tokens: the rest of the window, at most `answerTokens`. Even if the prompt
 * seems to fill the window, a minimum is left, because estimates tend to be too high.
 */
export function answerLimit({ answerTokens }: BudgetSettings, window: number, promptTokens: number): number {
  return Math.min(answerTokens, Math.max(window - promptTokens, leastAnswer(window)));
}

/** In tokens. A prompt that leaves less room is too long. */
const leastAnswer = (window: number): number =>
  Math.max(1, Math.min(LEAST_ANSWER.tokens, Math.floor(window * LEAST_ANSWER.share)));
