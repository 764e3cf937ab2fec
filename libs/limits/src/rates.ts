import { readFileSync } from "node:fs";
import type { Cluster, Redis } from "ioredis";
import { leastEmptyAt, type PerMinute, rateOf, takeOne } from "./rate.ts";

const script = readFileSync(new URL("take-rates.lua", import.meta.url), "utf8");

/** No request waits longer than this for Redis. */
const ANSWER_MS = 50;
/** After a failure Redis is not asked for this time, so that a hanging one delays one request and not each. */
const REST_MS = 1_000;
/** Limit of the buckets that are counted in this process. */
const MOST_BUCKETS = 20_000;

/** One limit that a request counts towards. */
export interface RateWanted<Name extends string = string> extends PerMinute {
  name: Name;
}

export interface RateState<Name extends string = string> extends RateWanted<Name> {
  isAllowed: boolean;
  remaining: number;
  retryInMs: number;
}

export interface Rates {
  /**
   * Takes one of each rate, or none if one is used up. While Redis is away or hangs, this process counts on from what Redis said last.
   * What Redis has just refused, it is not asked again before the time that it named.
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
  const buckets = createBuckets(deps.now);
  let restUntil = Number.NEGATIVE_INFINITY;

  async function askRedis<Name extends string>(
    subject: string,
    wanted: RateWanted<Name>[],
  ): Promise<RateState<Name>[] | null> {
    const keys = wanted.map(({ name }) => deps.keyOf(subject, name));
    const rates = wanted.map(rateOf).flatMap(({ windowMs, limit }) => [windowMs, limit]);
    const answer = await within(ANSWER_MS, redis.takeRates(keys.length, ...keys, ...rates));
    return (
      answer &&
      wanted.map((rate, at) => {
        const [remaining = 0, retryInMs = 0] = answer.slice(2 * at, 2 * at + 2);
        return { ...rate, isAllowed: remaining >= 0, remaining: Math.max(0, remaining), retryInMs };
      })
    );
  }

  return {
    async take(subject, wanted) {
      if (wanted.length === 0) return [];
      const askedAt = deps.now();
      const refused = buckets.refuses(subject, wanted);
      if (refused) return refused;
      if (redis.status === "ready" && askedAt >= restUntil) {
        const states = await askRedis(subject, wanted);
        if (states) {
          buckets.learn(subject, states, askedAt);
          return states;
        }
        restUntil = deps.now() + REST_MS;
      }
      return buckets.take(subject, wanted);
    },
  };
}

/**
 * A process that was busy finds a timer that is late before it finds an answer that has come meanwhile: this looks for the answer once
 * more.
 * @returns null when the promise rejects or takes too long
 */
async function within<T>(ms: number, promise: Promise<T>): Promise<T | null> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => setImmediate(resolve, null), ms);
  });
  return await Promise.race([promise.catch(() => null), late]).finally(() => clearTimeout(timer));
}

/** What this process knows of the buckets, which is at most what Redis has in them. */
function createBuckets(now: () => number) {
  const buckets = new Map<string, number>();
  const keyOf = (subject: string, name: string) => `${name} ${subject}`;

  /** The one that was used longest ago goes first. */
  function keep(key: string, emptyAt: number): void {
    buckets.delete(key);
    buckets.set(key, emptyAt);
    const [oldest] = buckets.size > MOST_BUCKETS ? buckets.keys() : [];
    if (oldest !== undefined) buckets.delete(oldest);
  }

  function look<Name extends string>(subject: string, wanted: RateWanted<Name>[]) {
    const at = now();
    return wanted.map((rate) => {
      const key = keyOf(subject, rate.name);
      const { emptyAt, ...taken } = takeOne(buckets.get(key) ?? Number.NEGATIVE_INFINITY, at, rateOf(rate));
      return { key, emptyAt, state: { ...rate, ...taken, retryInMs: Math.ceil(taken.retryInMs) } };
    });
  }

  return {
    /** @returns null when none of the rates is used up */
    refuses<Name extends string>(subject: string, wanted: RateWanted<Name>[]): RateState<Name>[] | null {
      const states = look(subject, wanted).map(({ state }) => state);
      return states.every(({ isAllowed }) => isAllowed) ? null : states;
    },
    take<Name extends string>(subject: string, wanted: RateWanted<Name>[]): RateState<Name>[] {
      const taken = look(subject, wanted);
      if (taken.every(({ state }) => state.isAllowed)) for (const { key, emptyAt } of taken) keep(key, emptyAt);
      return taken.map(({ state }) => state);
    },
    /** @param askedAt when Redis was asked for these states */
    learn(subject: string, states: RateState[], askedAt: number): void {
      for (const state of states) {
        const key = keyOf(subject, state.name);
        const known = buckets.get(key) ?? Number.NEGATIVE_INFINITY;
        keep(key, Math.max(known, leastEmptyAt(askedAt, rateOf(state), state)));
      }
    },
  };
}
