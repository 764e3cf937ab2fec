import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { addressGroup } from "./address.ts";
import type { RateState, Rates } from "./rates.ts";

/** Limit of credentials that nobody knows, from one address or IPv6 network. */
const FAILED_PER_MINUTE = 60;
/** How long a token that was valid is tried although others from its address fail. Whether it still is, each request asks Postgres. */
const KNOWN_MS = 60 * 60_000;
const MOST_KNOWN = 20_000;
const MOST_SLOWED = 20_000;
/** Of an address from which too many failed, unknown tokens are tried one after the other, each this long after the one before. */
const TRIED_EVERY_MS = 20;
/** The longest time that one of them waits. What would wait longer is refused. */
const LONGEST_WAIT_MS = 1_000;

/**
 * Limits failed sign-ins by address. A token that was valid lately is always tried at once, so that failures lock out no other client of
 * the same address. While too many fail there, an unknown one is tried in its turn, because it may be new and valid: what is
 * limited is what guesses cost. Guessing a token of 256 random bits is hopeless at any rate.
 */
export interface SignIns {
  /** @returns 0, or the ms after which this token should come again, because too many wait for their turn */
  waitMs(address: string, token: string): number;
  /** Resolves when this token may be tried, with 0, or at once with what `waitMs` returns. */
  turn(address: string, token: string): Promise<number>;
  /** A sign-in failed. @returns what is left of the rate */
  failed(address: string): Promise<RateState | null>;
  succeeded(token: string): void;
}

/** @param deps `now`: a monotonic clock, in ms; `isOff`: nothing is limited */
export function createSignIns(deps: { rates: Rates; now(): number; isOff: boolean }): SignIns {
  /** By address: until when it is slowed down, and when the next unknown token may be tried. */
  const slowed = new Map<string, { until: number; nextAt: number }>();
  const known = new Map<string, number>();
  const hashOf = (token: string) => createHash("sha256").update(token).digest("base64");

  /** The line in which this token waits; null: in none. */
  function lineOf(address: string, token: string) {
    const line = slowed.get(addressGroup(address));
    if (!line || Math.max(line.until, line.nextAt) <= deps.now()) return null;
    return (known.get(hashOf(token)) ?? 0) > deps.now() ? null : line;
  }
  const tooLong = ({ nextAt }: { nextAt: number }) => Math.max(0, nextAt - deps.now() - LONGEST_WAIT_MS);

  return {
    waitMs(address, token) {
      const line = lineOf(address, token);
      return line ? tooLong(line) : 0;
    },
    async turn(address, token) {
      const line = lineOf(address, token);
      if (!line) return 0;
      const refusedMs = tooLong(line);
      if (refusedMs > 0) return refusedMs;
      const at = Math.max(deps.now(), line.nextAt);
      line.nextAt = at + TRIED_EVERY_MS;
      if (at > deps.now()) await sleep(at - deps.now());
      return 0;
    },
    async failed(address) {
      if (deps.isOff) return null;
      const group = addressGroup(address);
      const wanted = { name: "failed_sign_ins_per_minute", perMinute: FAILED_PER_MINUTE };
      const [state] = await deps.rates.take(`address ${group}`, [wanted]);
      if (state && !state.isAllowed) {
        const nextAt = slowed.get(group)?.nextAt ?? deps.now();
        keep(slowed, group, { until: deps.now() + state.retryInMs, nextAt }, MOST_SLOWED);
      }
      return state ?? null;
    },
    succeeded(token) {
      if (!deps.isOff) keep(known, hashOf(token), deps.now() + KNOWN_MS, MOST_KNOWN);
    },
  };
}

/** Keeps the newest entries. */
function keep<V>(map: Map<string, V>, key: string, value: V, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
