import { readFileSync } from "node:fs";
import type { Cluster, Redis } from "ioredis";
import { takeOne } from "./rate.ts";

const script = readFileSync(new URL("take-rates.lua", import.meta.url), "utf8");

const WINDOW_MS = 60_000;
/** No request waits longer than this for Redis. */
const ANSWER_MS = 50;
/** After a failure Redis is not asked for this time, so that a hanging one delays one request and not each. */
const REST_MS = 1_000;
/** Limit of the buckets that are counted in this process. */
const MOST_BUCKETS = 20_000;

/** One limit that a request counts towards. */
export interface RateWanted<Name extends string = string> {
  name: Name;
  perMinute: number;
}

export interface RateState<Name extends string = string> extends RateWanted<Name> {
  isAllowed: boolean;
  remaining: number;
  retryInMs: number;
}

export interface Rates {
  /**
   * Takes one of each rate, or none if one is used up. While Redis is away or hangs, this process counts for itself.
   * @param subject whose rates they are: a user's id or an address
   */
  take<Name extends string>(subject: string, wanted: RateWanted<Name>[]): Promise<RateState<Name>[]>;
}

export interface RatesDeps {
  redis: Redis | Cluster;
  /** The keys of one subject must be in one cluster slot. */
  keyOf(subject: string, name: string): string;
  /** A monotonic clock, in ms. */
  now(): number;
}

type WithScript = (Redis | Cluster) & { takeRates(count: number, ...args: (string | number)[]): Promise<number[]> };

/*
 * One script takes all rates of a request, or none, within a time limit. rate-limiter-flexible 11 sends a script for each limit, and
 * leaves time limits to the Redis client.
 */
export function createRates(deps: RatesDeps): Rates {
  deps.redis.defineCommand("takeRates", { lua: script });
  const redis = deps.redis as WithScript;
  const inMemory = createMemoryRates(deps.now);
  let restUntil = Number.NEGATIVE_INFINITY;

  return {
    async take(subject, wanted) {
      if (wanted.length === 0) return [];
      if (redis.status === "ready" && deps.now() >= restUntil) {
        const keys = wanted.map(({ name }) => deps.keyOf(subject, name));
        const limits = wanted.map(({ perMinute }) => perMinute);
        const answer = await within(ANSWER_MS, redis.takeRates(keys.length, ...keys, WINDOW_MS, ...limits));
        if (answer) {
          return wanted.map((rate, at) => {
            const [remaining = 0, retryInMs = 0] = answer.slice(2 * at, 2 * at + 2);
            return { ...rate, isAllowed: remaining >= 0, remaining: Math.max(0, remaining), retryInMs };
          });
        }
        restUntil = deps.now() + REST_MS;
      }
      return inMemory(subject, wanted);
    },
  };
}

/** @returns null when the promise rejects or takes too long */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  return await Promise.race([promise.catch(() => null), late]).finally(() => clearTimeout(timer));
}

function createMemoryRates(now: () => number) {
  const buckets = new Map<string, number>();
  return <Name extends string>(subject: string, wanted: RateWanted<Name>[]): RateState<Name>[] => {
    const at = now();
    const taken = wanted.map(({ name, perMinute }) => {
      const key = `${name} ${subject}`;
      return { key, ...takeOne(buckets.get(key) ?? 0, at, { limit: perMinute, windowMs: WINDOW_MS }) };
    });
    if (taken.every(({ isAllowed }) => isAllowed)) {
      for (const { key, emptyAt } of taken) {
        // The one that was used longest ago goes first.
        buckets.delete(key);
        buckets.set(key, emptyAt);
      }
      for (const oldest of buckets.keys()) {
        if (buckets.size <= MOST_BUCKETS) break;
        buckets.delete(oldest);
      }
    }
    return wanted.map((rate, index) => {
      const { isAllowed = true, remaining = 0, retryInMs = 0 } = taken[index] ?? {};
      return { ...rate, isAllowed, remaining, retryInMs: Math.ceil(retryInMs) };
    });
  };
}
