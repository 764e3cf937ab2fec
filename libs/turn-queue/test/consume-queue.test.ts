import type { Server } from "@boocode/backing-services";
import { testRedis } from "@boocode/backing-services/testing";
import { connectRedisBlocking, type Redis, untilRedisReady } from "@boocode/runtime";
import { checkWaiting, consumeQueue, createTurnQueue } from "@boocode/turn-queue";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { z } from "zod";

const PREFIX = "test:queue";
const USER = ["acl", "setuser", "limited", "reset", "on", ">secret", "~*", "&*", "+@all"];

let server: Server;
let admin: Redis;

beforeEach(async () => {
  server = await testRedis();
  admin = await connected(server.url);
});
afterEach(async () => {
  admin.disconnect();
  await server.stop();
});

async function connected(url: string): Promise<Redis> {
  const redis = connectRedisBlocking(url);
  await untilRedisReady(redis, 5_000);
  return redis;
}

/** Consumes wake-ups as a Redis user with these rules besides all rights. */
async function consume(...rules: string[]) {
  await admin.call(...([...USER, ...rules] as [string, ...string[]]));
  const url = new URL(server.url);
  url.username = "limited";
  url.password = "secret";
  const connection = await connected(url.href);
  const errors: string[] = [];
  const jobs: string[] = [];
  const consumer = consumeQueue({
    name: "turns",
    job: z.object({ turn_id: z.string() }),
    connection,
    prefix: PREFIX,
    concurrency: 10,
    run: async ({ turn_id }) => void jobs.push(turn_id),
    onError: (error) => errors.push((error as Error).message),
  });
  const queue = createTurnQueue(admin, PREFIX);
  onTestFinished(async () => {
    await consumer.close();
    await queue.close();
    connection.disconnect();
  });
  return { connection, errors, jobs, queue };
}

test("a Redis user that may not call INFO consumes jobs, and ioredis prints nothing", async () => {
  const printed = vi.spyOn(console, "warn");
  const { jobs, queue, errors } = await consume("-@dangerous", "-info");
  await queue.wake("turn-1", 1);
  await expect.poll(() => jobs).toEqual(["turn-1"]);
  expect([errors, printed.mock.calls]).toEqual([[], []]);
  printed.mockRestore();
});

test("the check of blocking reads rejects when Redis refuses them, and takes no job", async () => {
  const { connection, jobs, queue } = await consume();
  await checkWaiting(connection, "check");
  await limit("-bzpopmin");
  await expect(checkWaiting(connection, "check")).rejects.toThrow("NOPERM");
  await limit();
  await queue.wake("turn-1", 1);
  await expect.poll(() => jobs).toEqual(["turn-1"]);
});

const REFUSALS: [string, RegExp, () => Promise<unknown>, () => Promise<unknown>][] = [
  ["scripts", /NOPERM/, () => limit("-@scripting"), () => limit()],
  ["the queue's keys", /NOPERM/, () => limit("resetkeys", "~other:*"), () => limit()],
  ["blocking reads", /NOPERM/, () => limit("-bzpopmin"), () => limit()],
  [
    "writes, as a replica does",
    /READONLY/,
    () => admin.replicaof("127.0.0.1", "1"),
    () => admin.replicaof("no", "one"),
  ],
];
const limit = (...rules: string[]) => admin.call(...([...USER, ...rules] as [string, ...string[]]));

test.each(REFUSALS)(
  "a Redis that refuses %s is asked again after pauses, until it no longer does",
  async (_what, reply, refuse, allow) => {
    const { jobs, queue, errors } = await consume();
    await refuse();
    await expect.poll(() => errors.length, { timeout: 20_000 }).toBeGreaterThan(0);
    const [before, began] = [errors.length, performance.now()];
    // On a busy machine BullMQ can get into its blocking read, of 5 s, between any two errors.
    await expect.poll(() => errors.length, { timeout: 60_000 }).toBeGreaterThan(before + 4);
    // Four pauses from 100 ms on, each twice as long as the one before, which only some errors begin.
    expect(performance.now() - began).toBeGreaterThan(300);
    expect(errors.filter((error) => !reply.test(error))).toEqual([]);
    await allow();
    await queue.wake("turn-1", 1);
    await expect.poll(() => jobs, { timeout: 20_000 }).toEqual(["turn-1"]);
  },
);
