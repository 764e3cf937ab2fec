import { setTimeout as sleep } from "node:timers/promises";
import { ModelFailure, type StreamReply } from "../../turn/ports.ts";
import { nextRetry, type RetrySettings } from "./retry-policy.ts";

/**
 * Retries temporary failures: a model that is loading, a server that is busy or briefly gone. A request is retried only if no
 * part of the reply was emitted, because a retry would repeat that part; `ModelFailure.retryable` guarantees this. An abort
 * ends the wait at once.
 */
export function withRetries(stream: StreamReply, settings: RetrySettings): StreamReply {
  return async function* (request, signal) {
    // Loading and failures have separate clocks; waiting for a slot or for a model to load is not a failure.
    const since = { loading: 0, failure: 0 };
    let failures = 0;
    let loadings = 0;
    for (;;) {
      try {
        yield* stream(request, signal);
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ModelFailure)) throw error;
        const isLoading = error.code === "model_loading";
        if (isLoading) loadings += 1;
        else failures += 1;
        const kind = isLoading ? "loading" : "failure";
        since[kind] ||= performance.now();
        const elapsedMs = performance.now() - since[kind];
        const again = nextRetry(settings, { failure: error, failures, loadings, elapsedMs, chance: Math.random() });
        if (!again) throw error;
        if (isLoading && loadings === 1) {
          yield { type: "loading", model: request.model, cause: "refused" };
        }
        yield { type: "waiting", reason: again.reason, retryInMs: again.waitMs };
        await wait(again.waitMs, signal);
      }
    }
  };
}

async function wait(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  }
}
