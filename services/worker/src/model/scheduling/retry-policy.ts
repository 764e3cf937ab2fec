// PURE
import type { ModelFailure, WaitReason } from "../../turn/ports.ts";

/** How requests are retried, as long as no part of the reply was seen. */
export interface RetrySettings {
  /** Limit of retries after error responses. */
  retries: number;
  /** No wait may end later than this after the first failure; waits for loading do not count. */
  budgetMs: number;
  /** The longest wait for a loading model, from the first failure that reported it. */
  loadingMs: number;
}

/**
 * Failures are counted by kind. A server that is away is retried until the budget ends, however often; the number of retries
 * after error responses is limited by `retries` as well.
 */
export type RetryKind = "loading" | "away" | "error" | "malformed_call";

export interface RetryState {
  failure: ModelFailure;
  /** The number of failures of this kind so far, including this one. */
  round: number;
  /** Time since the first failure; for `loading`, since the first failure of that kind. */
  elapsedMs: number;
  /** Jitter, 0 … 1, so that requests that failed together are not retried together. */
  chance: number;
}

const FIRST_MS = 500;
const LONGEST_MS = 30_000;
/** The longest pause between two requests to a loading model, or to a server that is away. */
const LONGEST_POLL_MS = 5_000;
/** Jitter on top of the wait that a server asks for. */
const SPREAD = 0.1;
/** Unchanged retries after a malformed call; one more follows, with `tool_choice: none`. */
const SAME_AGAIN = 2;

export function retryKind({ code }: ModelFailure): RetryKind {
  if (code === "model_loading") return "loading";
  if (code === "model_unreachable" || code === "model_timeout") return "away";
  return code === "model_malformed_call" ? "malformed_call" : "error";
}

export interface Retry {
  waitMs: number;
  reason: WaitReason;
  /** The next request forbids tool calls. */
  withoutCalls: boolean;
}

/** The wait before the retry; null when the request is not retried. */
export function nextRetry(settings: RetrySettings, state: RetryState): Retry | null {
  const { failure, round, elapsedMs } = state;
  if (!failure.retryable) return null;
  const kind = retryKind(failure);
  const retry = (waitMs: number) => ({ waitMs, reason: reasonOf(failure), withoutCalls: false });
  if (kind === "malformed_call")
    return round > SAME_AGAIN + 1 ? null : { ...retry(0), withoutCalls: round > SAME_AGAIN };
  if (kind === "error" && round > settings.retries) return null;
  const backOff = Math.min(FIRST_MS * 2 ** (round - 1), kind === "error" ? LONGEST_MS : LONGEST_POLL_MS);
  const waitMs = Math.round(
    failure.retryAfterMs === null
      ? backOff * (0.5 + state.chance / 2)
      : failure.retryAfterMs + (SPREAD * failure.retryAfterMs + 50) * state.chance,
  );
  const leftMs = Math.floor((kind === "loading" ? settings.loadingMs : settings.budgetMs) - elapsedMs);
  if (waitMs <= leftMs) return retry(waitMs);
  // The last request to a server that is away is sent when the budget ends.
  return kind === "away" && leftMs >= FIRST_MS / 2 ? retry(leftMs) : null;
}

/** The reason that subscribers see. It is all that they see of a failure that is retried. */
function reasonOf({ code, status }: ModelFailure): WaitReason {
  if (code === "model_loading") return "loading";
  if (code === "model_unreachable" || code === "model_timeout") return "unreachable";
  const busy = status === 429 || status === 503 || status === 408 || status === 409 || status === 425 || status === 529;
  return busy ? "busy" : "failed";
}
