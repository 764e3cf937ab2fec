/** A value that callers can read and wait for. */
export interface Watched<V> {
  readonly value: V;
  /** Sets the value and notifies everyone who waits, unless it is unchanged. */
  set(value: V): void;
  /**
   * Resolves with the first value that matches, including the current one.
   * @throws the final error if the value ended first; the signal's reason when aborted
   */
  until(fits: (value: V) => boolean, signal?: AbortSignal): Promise<V>;
}

/** @param lastWord returns the error for waiting callers once no further value can come; null before */
export function createWatched<V>(
  first: V,
  lastWord: (value: V) => Error | null,
  onChange?: (value: V) => void,
): Watched<V> {
  let value = first;
  const waiting = new Set<() => void>();

  return {
    get value() {
      return value;
    },
    set(next) {
      if (next === value) return;
      value = next;
      onChange?.(value);
      for (const look of [...waiting]) look();
    },
    until(fits, signal) {
      return new Promise((resolve, reject) => {
        const settle = (how: () => void) => {
          waiting.delete(look);
          signal?.removeEventListener("abort", aborted);
          how();
        };
        const aborted = () => settle(() => reject(signal?.reason));
        const look = () => {
          const error = lastWord(value);
          if (fits(value)) settle(() => resolve(value));
          else if (error) settle(() => reject(error));
        };
        if (signal?.aborted) return reject(signal.reason);
        signal?.addEventListener("abort", aborted);
        waiting.add(look);
        look();
      });
    },
  };
}
