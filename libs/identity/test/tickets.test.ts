import type { Server } from "@boocode/backing-services";
import { testRedis } from "@boocode/backing-services/testing";
import { createKeys } from "@boocode/frame-log";
import { type Caller, hashSecret, makeTicket, TICKET_LIFE_MS, takeTicket } from "@boocode/identity";
import { connectRedis, type Redis, untilRedisReady } from "@boocode/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";

const keys = createKeys("test");
const caller: Caller = { userId: "u", userName: "ada", role: "user", tokenId: "t", scopes: ["read"], expiresAt: null };

let server: Server;
let redis: Redis;

beforeAll(async () => {
  server = await testRedis();
  redis = connectRedis(server.url);
  await untilRedisReady(redis, 5_000);
});
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

test("a ticket admits its caller once", async () => {
  const ticket = await makeTicket(redis, keys, caller);
  expect(await takeTicket(redis, keys, ticket)).toEqual(caller);
  expect(await takeTicket(redis, keys, ticket)).toBeNull();
});

test("of many concurrent uses of one ticket, one is admitted", async () => {
  for (let round = 0; round < 20; round++) {
    const ticket = await makeTicket(redis, keys, caller);
    const taken = await Promise.all(Array.from({ length: 10 }, () => takeTicket(redis, keys, ticket)));
    expect(taken.filter((each) => each !== null)).toEqual([caller]);
  }
});

test("an unknown ticket admits nobody", async () => {
  for (const ticket of ["", "x", "*", "boo_x"]) expect(await takeTicket(redis, keys, ticket)).toBeNull();
});

test("Redis holds only the hash of a ticket, until its TTL", async () => {
  const ticket = await makeTicket(redis, keys, caller);
  const key = keys.ticket(hashSecret(ticket).toString("hex"));
  expect(await redis.keys(`*${ticket}*`)).toEqual([]);
  expect(await redis.get(key)).not.toContain(ticket);
  const life = await redis.pttl(key);
  expect(life).toBeGreaterThan(TICKET_LIFE_MS - 5_000);
  expect(life).toBeLessThanOrEqual(TICKET_LIFE_MS);
  await redis.pexpireat(key, Date.now() - 1);
  expect(await takeTicket(redis, keys, ticket)).toBeNull();
});

test("two systems on one Redis do not accept each other's tickets", async () => {
  const ticket = await makeTicket(redis, keys, caller);
  expect(await takeTicket(redis, createKeys("other"), ticket)).toBeNull();
  expect(await takeTicket(redis, keys, ticket)).toEqual(caller);
});
