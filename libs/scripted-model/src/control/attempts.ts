const KEEP_KEYS = 100_000;

/** Counts the requests per key and step. */
export interface Attempts {
  /** @returns 1 for the first request of this key and step */
  next(key: string, step: number): number;
  reset(): void;
}

/** Memory is bounded: the oldest keys are forgotten first. */
export function createAttempts(): Attempts {
  const counts = new Map<string, number>();
  return {
    next(key, step) {
      const name = `${step}\n${key}`;
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      if (counts.size > KEEP_KEYS) counts.delete(counts.keys().next().value!);
      return count;
    },
    reset: () => counts.clear(),
  };
}
