// PURE
import type { ModelFailure, WaitReason } from "../../turn/ports.ts";

/** How requests are retried, as long as no part of the reply was seen. */
export interface RetrySettings {
  /** Retries after the first request. Failures because the model is loading do not count. */
  retries: number;
  /** No wait may end later than this after the first failure; waits for loading do not count. */
  budgetMs: number;
  /** The longest wait for a loading model, from the first failure that reported it. */
  loadingMs: number;
}

export interface RetryState {
  failure: ModelFailure;
  /** Failures so far, including this one. Failures because the model is loading are counted in `loadings` instead. */
  failures: number;
  loadings: number;
  /** Time since the first failure of this kind (loading, or any other). */
  elapsedMs: number;
  /** Jitter, 0 … 1, so that requests that failed together are not retried together. */
  chance: number;
}

const FIRST_MS = 500;
const LONGEST_MS = 30_000;
/** The longest pause between two requests to a loading model. */
const LONGEST_LOADING_MS = 5_000;
/** Jitter on top of the wait that a server asks for. */
const SPREAD = 0.1;

/** The wait before the retry; null when the request is not retried. */
export function nextRetry(settings: RetrySettings, state: RetryState): { waitMs: number; reason: WaitReason } | null {
  const { failure } = state;
  if (!failure.retryable) return null;
  const loading = failure.code === "model_loading";
  const round = loading ? state.loadings : state.failures;
  if (!loading && round > settings.retries) return null;
  const backOff = Math.min(FIRST_MS * 2 ** (round - 1), loading ? LONGEST_LOADING_MS : LONGEST_MS);
  const waitMs = Math.round(
    failure.retryAfterMs === null
      ? backOff * (0.5 + state.chance / 2)
      : failure.retryAfterMs + (SPREAD * failure.retryAfterMs + 50) * state.chance,
  );
  const until = loading ? settings.loadingMs : settings.budgetMs;
  return state.elapsedMs + waitMs > until ? null : { waitMs, reason: reasonOf(failure) };
}

/** The reason that subscribers see. It is all that they see of a failure that is retried. */
function reasonOf({ code, status }: ModelFailure): WaitReason {
  if (code === "model_loading") return "loading";
  if (code === "model_unreachable") return "unreachable";
  const busy = status === 429 || status === 503 || status === 408 || status === 409 || status === 425 || status === 529;
  return busy ? "busy" : "failed";
}
