import { expect, test } from "vitest";
import { createCallerCache } from "./caller-cache.ts";
import type { Caller } from "./tokens.ts";

const ADA: Caller = {
  ...{ userId: "u", userName: "ada", role: "user", limits: null },
  ...{ tokenId: "t", scopes: ["read", "ask"], expiresAt: null },
};

/** A cache over good tokens, with counts of what it asks. */
function setUp(tokens: Record<string, Caller> = { good: ADA }) {
  const state = { now: 0, tokens, lookUps: 0, renewals: [] as number[], isAway: false };
  const answer = () => {
    if (state.isAway) throw new Error("the database is away");
  };
  const cache = createCallerCache({
    async find(token) {
      state.lookUps += 1;
      answer();
      return state.tokens[token] ?? null;
    },
    async read(callers) {
      state.renewals.push(callers.length);
      answer();
      const now = callers.map(({ tokenId }) => Object.values(state.tokens).find((one) => one.tokenId === tokenId));
      return new Map(now.flatMap((caller, at) => (caller ? [[at, caller] as const] : [])));
    },
    now: () => state.now,
  });
  return { state, cache };
}

/** Lets time pass as in a process: with a renewal each second, also one that fails. */
async function pass({ state, cache }: ReturnType<typeof setUp>, ms: number): Promise<void> {
  for (const end = state.now + ms; state.now < end; ) {
    state.now = Math.min(end, state.now + 1_000);
    await cache.renew().catch(() => {});
  }
}

test("a caller is looked up once, however many requests follow, and proven once a second together with all others", async () => {
  const both = setUp({ good: ADA, other: { ...ADA, tokenId: "o" } });
  for (let second = 0; second < 20; second++) {
    for (let i = 0; i < 10; i++) {
      expect(await both.cache.find("good")).toEqual(ADA);
      expect(await both.cache.find("other")).toMatchObject({ tokenId: "o" });
    }
    await pass(both, 1_000);
  }
  expect(both.state.lookUps).toBe(2);
  expect(both.state.renewals).toEqual(Array(20).fill(2));
});

test.each<[string, (state: ReturnType<typeof setUp>["state"]) => unknown, Caller | null]>([
  ["a revoked token", (state) => delete state.tokens.good, null],
  ["a role that changed", (state) => (state.tokens.good = { ...ADA, role: "admin" }), { ...ADA, role: "admin" }],
  ["limits that changed", (state) => (state.tokens.good = { ...ADA, limits: {} }), { ...ADA, limits: {} }],
  ["other scopes", (state) => (state.tokens.good = { ...ADA, scopes: ["read"] }), { ...ADA, scopes: ["read"] }],
])("%s is in force within two seconds, at whatever moment it changes", async (_what, change, after) => {
  for (let at = 0; at <= 1_000; at += 100) {
    const one = setUp();
    await one.cache.find("good");
    await pass(one, 1_000);
    one.state.now += at;
    await one.cache.find("good");
    change(one.state);
    // Renewals come late in a busy process.
    one.state.now += 1_999;
    expect(await one.cache.find("good")).toEqual(after);
  }
});

test("while the database is away a known caller is refused within two seconds, and served again as soon as it is back", async () => {
  const one = setUp();
  await one.cache.find("good");
  one.state.isAway = true;
  await pass(one, 1_000);
  expect(await one.cache.find("good")).toEqual(ADA);
  await pass(one, 999);
  await expect(one.cache.find("good")).rejects.toThrow("the database is away");
  one.state.isAway = false;
  expect(await one.cache.find("good")).toEqual(ADA);
});

test("an unknown token is asked for each time", async () => {
  const { state, cache } = setUp();
  for (let i = 0; i < 3; i++) expect(await cache.find("bad")).toBeNull();
  expect(state.lookUps).toBe(3);
  await cache.renew();
  expect(state.renewals).toEqual([]);
});

test("a credential that expires is looked up again at that moment", async () => {
  const { state, cache } = setUp({ good: { ...ADA, expiresAt: new Date(Date.now() - 1).toISOString() } });
  await cache.find("good");
  await cache.find("good");
  expect(state.lookUps).toBe(2);
});

test("a caller without requests is forgotten, and one with requests is looked up again after a minute", async () => {
  const idle = setUp();
  await idle.cache.find("good");
  await pass(idle, 60_000);
  expect(idle.state.renewals).toHaveLength(30);
  const busy = setUp();
  for (let second = 0; second < 100; second++) {
    await busy.cache.find("good");
    await pass(busy, 1_000);
  }
  expect(busy.state.lookUps).toBe(2);
});

test("a look-up that began before a renewal found the token revoked does not bring the caller back for longer", async () => {
  const { state, cache } = setUp();
  await cache.find("good");
  state.now = 1_800;
  const again = cache.find("good");
  delete state.tokens.good;
  await again;
  await cache.renew();
  expect(await cache.find("good")).toBeNull();
});
