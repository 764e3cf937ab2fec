/** Time-outs of one reply. Only the time spent waiting for the server counts, not the time that the consumer takes. */
export interface Timeouts {
  /** Waits for `step`. `onEnd` is called on a time-out and must make `step` settle. */
  wait<T>(step: Promise<T>, onEnd: () => void): Promise<T>;
  /**
   * Records received bytes.
   *
   * @param progress whether the bytes were part of the reply
   * @param finished whether the reply is complete, so that only usage may follow
   */
  received(progress: boolean, finished: boolean): void;
  /** No wait follows. */
  stop(): void;
}

/**
 * The longest wait for the usage chunk after a finish reason. It must not be shorter, because some servers send a finish
 * reason with every chunk.
 */
const AFTER_FINISH_MS = 10_000;

/**
 * Two limits: `idleMs` without a byte, and `progressMs` with nothing but keep-alives (llama.cpp sends one every 30 s while it
 * processes a long prompt). Before the first byte only the second applies, because a server that loads a model or queues a
 * request sends no headers for minutes.
 *
 * @param now a monotonic clock, in milliseconds
 */
export function createTimeouts(idleMs: number, progressMs: number, now: () => number): Timeouts {
  let silence = progressMs;
  let left = progressMs;
  let waiting: { until: number; onEnd(): void } | null = null;
  /** One timer for many waits: a stream waits for each of its tokens, and hardly any of these waits ends late. */
  let timer: { id: NodeJS.Timeout; at: number } | null = null;

  function armFor(until: number): void {
    if (timer && timer.at <= until) return;
    clearTimeout(timer?.id);
    timer = { id: setTimeout(look, Math.max(0, until - now())), at: until };
  }

  function look(): void {
    timer = null;
    if (!waiting) return;
    if (now() < waiting.until) armFor(waiting.until);
    else waiting.onEnd();
  }

  return {
    async wait(step, onEnd) {
      const start = now();
      waiting = { until: start + Math.max(0, Math.min(silence, left)), onEnd };
      armFor(waiting.until);
      try {
        return await step;
      } finally {
        waiting = null;
        left -= now() - start;
      }
    },
    received(progress, finished) {
      silence = finished ? Math.min(idleMs, AFTER_FINISH_MS) : idleMs;
      if (progress) left = progressMs;
    },
    stop: () => clearTimeout(timer?.id),
  };
}

/** The value of `promise` within `ms`, else null. The promise is not cancelled, and must not reject. */
export async function orNullAfter<T>(ms: number, promise: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(resolve, ms, null);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
