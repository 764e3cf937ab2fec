/** Hands out a fixed number of slots, first come, first served. */
export interface Limiter {
  /**
   * Resolves when a slot is free, with the function that releases it. Rejects with the signal's reason when the signal
   * aborts first.
   */
  acquire(signal: AbortSignal): Promise<() => void>;
}

/** A process creates one limiter and passes it to everything that starts child processes. */
export function createLimiter(size: number): Limiter {
  let free = size;
  const waiting = new Set<() => void>();

  function release(): void {
    const [next] = waiting;
    if (next) next();
    else free += 1;
  }

  /** Releasing a slot a second time has no effect. */
  function slot(): () => void {
    let held = true;
    return () => {
      if (held) release();
      held = false;
    };
  }

  return {
    async acquire(signal) {
      signal.throwIfAborted();
      if (free > 0) {
        free -= 1;
        return slot();
      }
      return new Promise((resolve, reject) => {
        const stopWaiting = () => {
          waiting.delete(enter);
          signal.removeEventListener("abort", abort);
        };
        const enter = () => {
          stopWaiting();
          resolve(slot());
        };
        const abort = () => {
          stopWaiting();
          reject(signal.reason);
        };
        waiting.add(enter);
        signal.addEventListener("abort", abort);
      });
    },
  };
}
