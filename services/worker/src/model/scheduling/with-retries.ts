import { setTimeout as sleep } from "node:timers/promises";
import { ModelFailure, type StreamReply } from "../../turn/ports.ts";
import { nextRetry, type RetryKind, type RetrySettings, retryKind } from "./retry-policy.ts";

/**
 * Retries temporary failures: a model that is loading, a server that is busy or briefly gone, a tool call that its server could
 * not read. A request is retried only if no part of the reply was emitted, because a retry would repeat that part;
 * `ModelFailure.retryable` guarantees this. An abort ends the wait at once.
 */
export function withRetries(stream: StreamReply, settings: RetrySettings): StreamReply {
  return async function* (request, signal) {
    // Loading and failures have separate clocks; waiting for a slot or for a model to load is not a failure.
    const since: Record<"loading" | "failure", number | null> = { loading: null, failure: null };
    const rounds: Record<RetryKind, number> = { loading: 0, away: 0, error: 0, malformed_call: 0 };
    let asked = request;
    for (;;) {
      try {
        yield* stream(asked, signal);
        return;
      } catch (error) {
        signal.throwIfAborted();
        if (!(error instanceof ModelFailure)) throw error;
        const kind = retryKind(error);
        const round = ++rounds[kind];
        const clock = kind === "loading" ? "loading" : "failure";
        const now = performance.now();
        const begun = since[clock] ?? now - error.silentMs;
        since[clock] = begun;
        const again = nextRetry(settings, { failure: error, round, elapsedMs: now - begun, chance: Math.random() });
        if (!again || (again.withoutCalls && request.toolChoice === "none")) throw error;
        if (again.withoutCalls) asked = { ...request, toolChoice: "none" };
        if (kind === "loading" && round === 1) yield { type: "loading", model: request.model, cause: "refused" };
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
