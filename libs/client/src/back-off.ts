const FIRST_MS = 100;
const LONGEST_MS = 3_000;

/**
 * The back-off before the next attempt, in ms: exponential with full jitter, so that the clients of a gateway that died do not
 * reconnect together.
 * @param failures so far, from 0
 * @param random a number in [0, 1)
 */
export function backOff(failures: number, random: number): number {
  return Math.floor(random * Math.min(LONGEST_MS, FIRST_MS * 2 ** Math.min(failures, 20)));
}
