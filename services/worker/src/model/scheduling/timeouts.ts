/** How long an answer is waited for. Only the time spent waiting counts, not what the reader of the events takes. */
export interface Timeouts {
  /** Waits for `step`; `onEnd` is called when it takes too long, and must make it settle. */
  wait<T>(step: Promise<T>, onEnd: () => void): Promise<T>;
  /**
   * Bytes came.
   *
   * @param progress they were a part of the answer
   * @param finished the answer is complete: what may still follow is worth only a moment
   */
  received(progress: boolean, finished: boolean): void;
}

/** How long a complete answer is kept open for the usage chunk. Some servers say "finished" on every chunk: no shorter. */
const AFTER_FINISH_MS = 10_000;

/**
 * Two limits: `idleMs` without a byte, and `progressMs` without anything but keep-alives (llama.cpp sends one every 30 s
 * while it reads a long prompt). Before the first byte only the second holds, since a server that loads a model or queues
 * a request sends no headers for minutes.
 *
 * @param now a monotonic clock, in milliseconds
 */
export function createTimeouts(idleMs: number, progressMs: number, now: () => number): Timeouts {
  let silence = progressMs;
  let left = progressMs;
  return {
    async wait(step, onEnd) {
      const start = now();
      const timer = setTimeout(onEnd, Math.max(0, Math.min(silence, left)));
      try {
        return await step;
      } finally {
        clearTimeout(timer);
        left -= now() - start;
      }
    },
    received(progress, finished) {
      silence = finished ? Math.min(idleMs, AFTER_FINISH_MS) : idleMs;
      if (progress) left = progressMs;
    },
  };
}

/** What `promise` gives within so many milliseconds, else null. It is not stopped, and must not reject. */
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
