import { createHash } from "node:crypto";
import { addressGroup } from "./address.ts";
import type { RateState, Rates } from "./rates.ts";

/** Limit of credentials that nobody knows, from one address or IPv6 network. */
const FAILED_PER_MINUTE = 60;
/** How long a token that was valid is tried although others from its address fail. Whether it still is, each request asks Postgres. */
const KNOWN_MS = 60 * 60_000;
const MOST_KNOWN = 20_000;
const MOST_BLOCKED = 20_000;

/**
 * Limits failed sign-ins by address. A token that was valid lately is always tried, so that nobody locks out others behind the
 * same address; another one waits until the address may fail again.
 */
export interface SignIns {
  /** @returns the ms after which this token may be tried; 0: now */
  waitMs(address: string, token: string): number;
  /** A sign-in failed. @returns what is left of the rate */
  failed(address: string): Promise<RateState | null>;
  succeeded(token: string): void;
}

/** @param deps `now`: a monotonic clock, in ms; `isOff`: nothing is limited */
export function createSignIns(deps: { rates: Rates; now(): number; isOff: boolean }): SignIns {
  const blocked = new Map<string, number>();
  const known = new Map<string, number>();
  const hashOf = (token: string) => createHash("sha256").update(token).digest("base64");

  return {
    waitMs(address, token) {
      const until = blocked.get(addressGroup(address)) ?? 0;
      if (until <= deps.now()) return 0;
      return (known.get(hashOf(token)) ?? 0) > deps.now() ? 0 : until - deps.now();
    },
    async failed(address) {
      if (deps.isOff) return null;
      const group = addressGroup(address);
      const wanted = { name: "failed_sign_ins_per_minute", perMinute: FAILED_PER_MINUTE };
      const [state] = await deps.rates.take(`address ${group}`, [wanted]);
      if (state && !state.isAllowed) keep(blocked, group, deps.now() + state.retryInMs, MOST_BLOCKED);
      return state ?? null;
    },
    succeeded(token) {
      if (!deps.isOff) keep(known, hashOf(token), deps.now() + KNOWN_MS, MOST_KNOWN);
    },
  };
}

/** Keeps the newest entries. */
function keep(map: Map<string, number>, key: string, value: number, most: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= most) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
