// PURE

/** A limit of so many within a time, which may come at once. */
export interface Rate {
  limit: number;
  windowMs: number;
}

export interface Taken {
  isAllowed: boolean;
  /** How many more may come now. */
  remaining: number;
  /** The time until the next may come; 0 when it may come now. */
  retryInMs: number;
  /** The value to keep. */
  emptyAt: number;
}

/**
 * Takes one of a rate: a bucket that fills by one for each taken and drains evenly (GCRA).
 * take-rates.lua does the same.
 * @param emptyAt when the bucket would be empty: the kept value, 0 at first
 */
export function takeOne(emptyAt: number, now: number, { limit, windowMs }: Rate): Taken {
  const each = windowMs / limit;
  const next = Math.max(emptyAt, now) + each;
  const room = windowMs - (next - now);
  // The times are fractions, whose sums are not exact.
  if (room < -0.001) return { isAllowed: false, remaining: 0, retryInMs: -room, emptyAt };
  const remaining = Math.floor((room + 0.001) / each);
  return { isAllowed: true, remaining, retryInMs: remaining > 0 ? 0 : each - room, emptyAt: next };
}
