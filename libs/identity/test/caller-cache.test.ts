import { randomUUID } from "node:crypto";
import { testDatabase } from "@boocode/backing-services/testing";
import { type Caller, createCallerCache, findCaller, hashSecret, makeToken } from "@boocode/identity";
import { connectPostgres, type Postgres } from "@boocode/runtime";
import * as store from "@boocode/store";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

let pool: Postgres;
let drop: () => Promise<void>;
const counts = { lookUps: 0, reads: 0 };
let cache: ReturnType<typeof createCallerCache>;

beforeAll(async () => {
  const database = await testDatabase();
  drop = database.drop;
  pool = connectPostgres(database.url, { name: "test", connections: 2 });
});
afterAll(async () => {
  await pool.end({ timeout: 2 });
  await drop();
});
beforeEach(() => {
  Object.assign(counts, { lookUps: 0, reads: 0 });
  cache = createCallerCache({
    async find(token) {
      counts.lookUps += 1;
      return byProvider.get(token) ?? (await findCaller(pool, token));
    },
    async read(callers) {
      counts.reads += 1;
      return await store.readCredentials(pool, callers);
    },
    now: () => 0,
  });
});

/** Callers as an identity provider's tokens make them. */
const byProvider = new Map<string, Caller>();

async function newCaller(more: { expiresAt?: Date } = {}) {
  const [userId, tokenId, token] = [randomUUID(), randomUUID(), makeToken()];
  await store.createUser(pool, { id: userId, name: userId });
  await store.createToken(pool, { id: tokenId, userId, tokenHash: hashSecret(token), ...more });
  return { userId, tokenId, token };
}

async function newProviderCaller() {
  const [userId, token] = [randomUUID(), randomUUID()];
  await store.createUser(pool, { id: userId, name: userId });
  const credential = {
    tokenId: null,
    scopes: ["read" as const],
    expiresAt: new Date(Date.now() + 60_000).toISOString(),
  };
  byProvider.set(token, { userId, userName: userId, role: "user", limits: null, ...credential });
  return { userId, token };
}

test("callers whose credentials are as they were stay known, all by one statement", async () => {
  const callers = [
    await newCaller(),
    await newCaller({ expiresAt: new Date(Date.now() + 60_000) }),
    await newProviderCaller(),
  ];
  const found = await Promise.all(callers.map(({ token }) => cache.find(token)));
  expect(found.map((caller) => caller?.userId)).toEqual(callers.map(({ userId }) => userId));
  await cache.renew();
  expect(await Promise.all(callers.map(({ token }) => cache.find(token)))).toEqual(found);
  expect(counts).toEqual({ lookUps: 3, reads: 1 });
});

const changed = (userId: string, change: Parameters<typeof store.changeUser>[3]) =>
  store.changeUser(pool, "operator", userId, change);

test.each<[string, (caller: { userId: string; tokenId: string | null }) => Promise<unknown>]>([
  ["revoked", ({ userId, tokenId }) => store.revokeToken(pool, "operator", { userId, tokenId: tokenId as string })],
  ["expired", ({ tokenId }) => pool`update api_tokens set expires_at = now() where id = ${tokenId}`],
  ["given other scopes", ({ tokenId }) => store.changeScopes(pool, tokenId as string, ["read"])],
  ["disabled", ({ userId }) => changed(userId, { disabled: true })],
  ["deleted", ({ userId }) => store.deleteUser(pool, "operator", userId)],
  ["given another role", ({ userId }) => changed(userId, { role: "admin" })],
  ["given limits", ({ userId }) => changed(userId, { limits: { sessions: 1 } })],
])("a caller who was %s is looked up again after the next renewal, and no other is", async (how, change) => {
  const isOfUser = /disabled|deleted|role|limits/.test(how);
  const others = [await newCaller(), await newProviderCaller()];
  const changing = [await newCaller(), ...(isOfUser ? [await newProviderCaller()] : [])];
  for (const { token } of [...others, ...changing]) await cache.find(token);
  for (const caller of changing) await change({ tokenId: null, ...caller });
  await cache.renew();
  for (const { token } of others) await cache.find(token);
  expect(counts.lookUps).toBe(others.length + changing.length);
  for (const { token } of changing) await cache.find(token);
  expect(counts.lookUps).toBe(others.length + 2 * changing.length);
});
