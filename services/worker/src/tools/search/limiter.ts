/** Gives a slot as soon as one is free, in the order of asking; the returned function gives it back. */
export interface Limiter {
  /** Rejects with the signal's reason when it aborts before a slot was free. */
  acquire(signal: AbortSignal): Promise<() => void>;
}

/** A limiter with `size` slots. A process makes one and hands it to everything that starts child processes. */
export function createLimiter(size: number): Limiter {
  let free = size;
  const waiting = new Set<() => void>();

  function release(): void {
    const [next] = waiting;
    if (next) next();
    else free += 1;
  }

  /** A slot goes back once, however often its holder says so. */
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
        const leave = () => {
          waiting.delete(enter);
          signal.removeEventListener("abort", abort);
        };
        const enter = () => {
          leave();
          resolve(slot());
        };
        const abort = () => {
          leave();
          reject(signal.reason);
        };
        waiting.add(enter);
        signal.addEventListener("abort", abort);
      });
    },
  };
}
