import type { Server } from "@boocode/backing-services";
import { testRedis } from "@boocode/backing-services/testing";
import { NAMING_QUEUE, TURN_QUEUE } from "@boocode/contracts";
import { connectRedis, connectRedisBlocking, type Redis, untilRedisReady } from "@boocode/runtime";
import { createTurnQueue, type TurnQueue } from "@boocode/turn-queue";
import { Queue, Worker } from "bullmq";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

const PREFIX = "test:queue";

let server: Server;
let redis: Redis;
let blocking: Redis;
let queue: TurnQueue;
let worker: Worker | undefined;

beforeEach(async () => {
  server = await testRedis();
  redis = connectRedis(server.url, 200);
  blocking = connectRedisBlocking(server.url);
  await Promise.all([redis, blocking].map((connection) => untilRedisReady(connection, 5_000)));
  queue = createTurnQueue(redis, PREFIX);
});
afterEach(async () => {
  await worker?.close(true);
  worker = undefined;
  await queue.close();
  redis.disconnect();
  blocking.disconnect();
  await server.stop();
});

/** Processes jobs one at a time. @returns their data, in the order of arrival */
function take(name: string): unknown[] {
  const jobs: unknown[] = [];
  worker = new Worker(name, async (job) => void jobs.push(job.data), {
    connection: blocking,
    prefix: PREFIX,
    concurrency: 1,
  });
  worker.on("error", () => {});
  return jobs;
}

const until = (condition: () => void) => vi.waitFor(condition, { timeout: 10_000, interval: 5 });

test("a wake-up reaches one worker and leaves no job behind", async () => {
  await queue.wake("turn-1", 1);
  const jobs = take(TURN_QUEUE);
  await until(() => expect(jobs).toEqual([{ turn_id: "turn-1" }]));
  const left = new Queue(TURN_QUEUE, { connection: redis, prefix: PREFIX });
  await vi.waitFor(async () => expect(Object.values(await left.getJobCounts()).every((n) => n === 0)).toBe(true), {
    timeout: 10_000,
    interval: 5,
  });
  await left.close();
});

test("a turn can be woken again while an earlier wake-up still waits", async () => {
  await Promise.all([queue.wake("turn-1", 1), queue.wake("turn-1", 1)]);
  const jobs = take(TURN_QUEUE);
  await until(() => expect(jobs).toHaveLength(2));
  await queue.wake("turn-1", 1);
  await until(() => expect(jobs).toHaveLength(3));
});

test("turns of users with fewer live turns go first, and those of equal priority in order of arrival", async () => {
  const order = [
    ["e", 5],
    ["a", 1],
    ["c", 3],
    ["b", 1],
    ["z", 5_000_000],
    ["first", 0],
  ] as const;
  for (const [turn, live] of order) await queue.wake(turn, live);
  const jobs = take(TURN_QUEUE);
  await until(() => expect(jobs).toHaveLength(order.length));
  expect(jobs).toEqual(["a", "b", "first", "c", "e", "z"].map((turn_id) => ({ turn_id })));
});

test("a naming request goes to the naming queue", async () => {
  await queue.requestName("session-1");
  const jobs = take(NAMING_QUEUE);
  await until(() => expect(jobs).toEqual([{ session_id: "session-1" }]));
});

test("while Redis hangs or is down, a wake-up fails soon and the queue can be closed", async () => {
  await queue.wake("before", 1);
  await server.kill("SIGSTOP");
  const startedAt = performance.now();
  await expect(queue.wake("hangs", 1)).rejects.toThrow();
  await server.kill("SIGCONT");
  await server.kill("SIGKILL");
  await until(() => expect(redis.status).not.toBe("ready"));
  await expect(queue.wake("gone", 1)).rejects.toThrow();
  expect(performance.now() - startedAt).toBeLessThan(2_000);
});

test("after Redis restarts empty, wake-ups reach workers again", async () => {
  const jobs = take(TURN_QUEUE);
  await queue.wake("before", 1);
  await until(() => expect(jobs).toHaveLength(1));
  await server.kill("SIGKILL");
  await server.restart();
  await until(() => expect([redis.status, blocking.status]).toEqual(["ready", "ready"]));
  await queue.wake("after", 1);
  await until(() => expect(jobs).toEqual([{ turn_id: "before" }, { turn_id: "after" }]));
});
