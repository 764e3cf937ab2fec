import { LIMIT_NAMES } from "@boocode/contracts";
import { expect, test } from "vitest";
import { z } from "zod";
import { limitsEnv, readLimits } from "./limits-env.ts";
import { DEFAULT_LIMITS, limitsOf, ratesOf } from "./limits-of.ts";
import { quotaHeaders, rateHeaders } from "./rate-headers.ts";

const settings = (USER_LIMITS?: string) => readLimits(z.object(limitsEnv).parse({ USER_LIMITS }).USER_LIMITS);

test("without a setting everybody has the documented limits, administrators too", () => {
  for (const role of ["user", "admin"] as const) expect(limitsOf(settings(), { role })).toEqual(DEFAULT_LIMITS);
});

test("the setting replaces defaults, `admin` those of administrators, and what an administrator set for a user comes last", () => {
  const given = settings('{"sessions":7,"sockets":null,"admin":{"sessions":9}}');
  expect(limitsOf(given, { role: "user" })).toEqual({ ...DEFAULT_LIMITS, sessions: 7, sockets: null });
  expect(limitsOf(given, { role: "admin" })).toMatchObject({ sessions: 9, sockets: null });
  expect(limitsOf(given, { role: "user", limits: { sessions: 70 } })).toMatchObject({ sessions: 70, sockets: null });
});

test("`off` is no limit at all", () => {
  const own = limitsOf(settings("off"), { role: "user", limits: { sessions: 1 } });
  expect(LIMIT_NAMES.filter((name) => own[name] !== null)).toEqual([]);
});

test.each(['{"session":1}', '{"sessions":0}', "[]", "none", '{"admin":{"admin":{}}}'])("%s is refused", (text) => {
  expect(() => settings(text)).toThrow("must be off, or a JSON object of limits");
});

test("the headers name each policy, what is left, and when more may come", () => {
  const requests = { name: "requests_per_minute", perMinute: 3_000, isAllowed: true, remaining: 12, retryInMs: 0 };
  expect(rateHeaders([requests])).toEqual({
    "ratelimit-policy": '"requests_per_minute";q=3000;w=60',
    ratelimit: '"requests_per_minute";r=12;t=0',
  });
  const posts = { name: "posts_per_minute", perMinute: 4, isAllowed: false, remaining: 0, retryInMs: 14_001 };
  expect(rateHeaders([requests, posts])).toMatchObject({
    ratelimit: '"requests_per_minute";r=12;t=0, "posts_per_minute";r=0;t=15',
    "retry-after": "15",
  });
  expect(quotaHeaders({ name: "tokens_per_day", most: 10, used: 12, retryInS: 60 })).toEqual({
    "ratelimit-policy": '"tokens_per_day";q=10;w=86400',
    ratelimit: '"tokens_per_day";r=0;t=60',
    "retry-after": "60",
  });
});

test("a user's limits give the rates that a request counts towards; few posts may come at once", () => {
  const of = (posts: number | null) =>
    ratesOf({ ...DEFAULT_LIMITS, posts_per_minute: posts }, ["requests_per_minute", "posts_per_minute"]).slice(1);
  expect(ratesOf(DEFAULT_LIMITS, ["requests_per_minute"])).toEqual([{ name: "requests_per_minute", perMinute: 3_000 }]);
  expect(of(null)).toEqual([]);
  for (const [perMinute, atOnce] of [
    [120, 20],
    [60, 10],
    [15, 10],
    [3, 3],
    [601, 101],
  ]) {
    expect(of(perMinute as number)).toEqual([{ name: "posts_per_minute", perMinute, atOnce }]);
  }
  const [posts] = of(120).map((rate) => ({ ...rate, isAllowed: true, remaining: 7, retryInMs: 0 }));
  expect(rateHeaders(posts ? [posts] : [])["ratelimit-policy"]).toBe('"posts_per_minute";q=20;w=10');
});
