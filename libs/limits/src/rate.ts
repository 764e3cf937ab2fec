// PURE

/** A limit of so many within a time, which may come at once. */
export interface Rate {
  limit: number;
  windowMs: number;
}

/** So many a minute. `atOnce`: how many may come together; absent: all of them. */
export interface PerMinute {
  perMinute: number;
  atOnce?: number;
}

/** The same rate as that of a minute, with the time in which it refills. */
export const rateOf = ({ perMinute, atOnce = perMinute }: PerMinute): Rate => ({
  limit: atOnce,
  windowMs: (atOnce * 60_000) / perMinute,
});

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
 * The least that is kept of a bucket of which another process says how many may still come: it never refuses what that process allows.
 * @param state `retryInMs`: as in `Taken`. A refused one has nothing left.
 */
export function leastEmptyAt(
  now: number,
  { limit, windowMs }: Rate,
  { isAllowed, remaining, retryInMs }: Omit<Taken, "emptyAt">,
): number {
  const each = windowMs / limit;
  return now + windowMs - (isAllowed ? remaining + 1 : 1) * each + Math.max(0, retryInMs - 1);
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
