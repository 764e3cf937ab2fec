// PURE
import { ModelFailure, type ModelRequest, type StreamReply } from "../../turn/ports.ts";
import type { SlotLimits } from "./queue-order.ts";

/**
 * llama-server's slots share one pool of context by default. Together they can exhaust it while each conversation is far below the
 * window; all of them then fail with "Context size has been exceeded.", without numbers. No conversation needs to be cut then: the
 * server is busy, and fewer requests may run there concurrently.
 */
export interface SharedPool {
  /** Turns such an overflow into a temporary failure, and lowers the model's limit. */
  watch(stream: StreamReply): StreamReply;
  /** The limits of concurrent requests, lowered where the pool was exhausted recently. */
  limit(model: string, limits: SlotLimits): SlotLimits;
}

/** How long a lowered limit holds. */
const HOLDS_MS = 5 * 60_000;
/** Overflows within this time are one event: they end all requests at once. */
const TOGETHER_MS = 1_000;
/** The limit that is assumed, and then halved, for a model without one. */
const UNLIMITED = 4;
/**
 * The n-th overflow of a request is final: n is smaller if only our estimate says that the request fits, larger if the server's
 * own count does.
 */
const FINAL_AT = { estimate: 2, count: 4 };

/** @param now a monotonic clock, in milliseconds */
export function createSharedPool(now: () => number): SharedPool {
  const lowered = new Map<string, { limit: number; at: number }>();
  const latest = new Map<string, SlotLimits>();
  /** Retries send the same messages. */
  const overflows = new WeakMap<ModelRequest["messages"], number>();

  const limitOf = (model: string) => {
    const known = lowered.get(model);
    return known && now() - known.at < HOLDS_MS ? known : null;
  };

  function lower(model: string): void {
    const known = limitOf(model);
    if (known && now() - known.at < TOGETHER_MS) return;
    const limits = latest.get(model);
    const limit = known?.limit ?? limits?.model ?? limits?.server ?? UNLIMITED;
    lowered.set(model, { limit: Math.max(1, Math.floor(limit / 2)), at: now() });
  }

  return {
    limit(model, limits) {
      latest.set(model, limits);
      const known = limitOf(model);
      return known ? { ...limits, model: Math.min(known.limit, limits.model ?? known.limit) } : limits;
    },
    watch: (stream) =>
      async function* (request, signal) {
        try {
          yield* stream(request, signal);
        } catch (error) {
          if (!isUnexplained(error) || request.sizedBy === undefined) throw error;
          const count = (overflows.get(request.messages) ?? 0) + 1;
          overflows.set(request.messages, count);
          if (count >= FINAL_AT[request.sizedBy]) throw error;
          lower(request.model ?? "");
          const { message, visible } = error;
          throw new ModelFailure("model_error", message, {
            ...{ status: 503, passing: true, retryable: !visible, visible, cause: error },
          });
        }
      },
  };
}

const isUnexplained = (error: unknown): error is ModelFailure =>
  error instanceof ModelFailure &&
  error.code === "context_overflow" &&
  error.overflow?.window == null &&
  error.overflow?.promptTokens == null;
