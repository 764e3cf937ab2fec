// PURE
import type { ModelFailure, WaitReason } from "../../turn/ports.ts";

/** How long a model server that cannot answer now is asked again, before anything of an answer was seen. */
export interface RetrySettings {
  /** Requests after the first, loading apart. */
  retries: number;
  /** No wait may end later than so many milliseconds after the first failure; loading apart. */
  budgetMs: number;
  /** A model that loads is waited for so long, from its first word of it on. */
  loadingMs: number;
}

export interface RetryState {
  failure: ModelFailure;
  /** Failures so far that were no loading, this one included; and loading ones. */
  failures: number;
  loadings: number;
  /** Since the first failure of this kind: loading, or another. */
  elapsedMs: number;
  /** 0 … 1, so that many who failed together do not come back together. */
  chance: number;
}

const FIRST_MS = 500;
const LONGEST_MS = 30_000;
/** A loading model is looked at this often at least. */
const LONGEST_LOADING_MS = 5_000;
/** On top of what a server asks for: never earlier than that, and not all at once. */
const SPREAD = 0.1;

/** How long to wait before the same request is sent again; null when it is not sent again. */
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

/** What is told of it: these words are all that a subscriber sees of a failure that passes. */
function reasonOf({ code, status }: ModelFailure): WaitReason {
  if (code === "model_loading") return "loading";
  if (code === "model_unreachable") return "unreachable";
  const busy = status === 429 || status === 503 || status === 408 || status === 409 || status === 425 || status === 529;
  return busy ? "busy" : "failed";
}
