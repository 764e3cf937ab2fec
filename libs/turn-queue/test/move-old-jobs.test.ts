import type { Server } from "@boocode/backing-services";
import { testRedis } from "@boocode/backing-services/testing";
import { NAMING_QUEUE, TURN_QUEUE } from "@boocode/contracts";
import { connectRedis, connectRedisBlocking, type Redis, untilRedisReady } from "@boocode/runtime";
import { createTurnQueue, moveOldJobs } from "@boocode/turn-queue";
import { Worker } from "bullmq";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";

const [OLD, NEW] = ["boocode:queue", "boocode:{jobs}:queue"];

const id = (n: number) => `00000000-0000-4000-8000-00000000000${n}`;

let server: Server;
let redis: Redis;

beforeEach(async () => {
  server = await testRedis();
  redis = connectRedis(server.url);
  await untilRedisReady(redis, 5_000);
});
afterEach(async () => {
  redis.disconnect();
  await server.stop();
});

function queueAt(prefix: string) {
  const queue = createTurnQueue(redis, prefix);
  onTestFinished(() => queue.close());
  return queue;
}

/** Runs the jobs of a queue. `run` resolves when a job may end. @returns the data of the jobs, in the order of their start */
function work(prefix: string, name: string, run: () => Promise<void> = async () => {}): unknown[] {
  const connection = connectRedisBlocking(server.url);
  const jobs: unknown[] = [];
  const worker = new Worker(
    name,
    async (job) => {
      jobs.push(job.data);
      await run();
    },
    { connection, prefix, removeOnComplete: { count: 0 } },
  );
  worker.on("error", () => {});
  onTestFinished(async () => {
    await worker.close(true);
    connection.disconnect();
  });
  return jobs;
}

test("jobs that wait in the old queues reach the workers of the new ones in order, and no key of the old queues is left", async () => {
  const [old, queue] = [queueAt(OLD), queueAt(NEW)];
  for (const live of [3, 1, 2]) await old.wake(id(live), live);
  await old.requestName(id(9));
  const moved = await Promise.all([moveOldJobs(redis, OLD, queue), moveOldJobs(redis, OLD, queue)]);
  expect(moved[0] + moved[1]).toBe(4);
  expect(await redis.keys(`${OLD}:*`)).toEqual([]);
  const [turns, names] = [work(NEW, TURN_QUEUE), work(NEW, NAMING_QUEUE)];
  await expect.poll(() => turns.length + names.length, { timeout: 10_000 }).toBe(4);
  expect(turns).toEqual([1, 2, 3].map((live) => ({ turn_id: id(live) })));
  expect(names).toEqual([{ session_id: id(9) }]);
});

test("a job that a worker of the earlier version is running stays with it; one whose worker died is moved", async () => {
  const [old, queue] = [queueAt(OLD), queueAt(NEW)];
  let end = () => {};
  const running = new Promise<void>((resolve) => (end = resolve));
  const jobs = work(OLD, TURN_QUEUE, () => running);
  await old.wake(id(1), 1);
  await expect.poll(() => jobs, { timeout: 10_000 }).toHaveLength(1);
  expect(await moveOldJobs(redis, OLD, queue)).toBe(0);
  expect(await redis.llen(`${OLD}:turns:active`)).toBe(1);
  end();
  await expect.poll(() => redis.llen(`${OLD}:turns:active`), { timeout: 10_000 }).toBe(0);

  await redis.hset(`${OLD}:turns:99`, { data: JSON.stringify({ turn_id: id(2) }), priority: "1" });
  await redis.lpush(`${OLD}:turns:active`, "99");
  expect(await moveOldJobs(redis, OLD, queue)).toBe(1);
});

test("data that is not a job is removed and reaches no worker", async () => {
  const queue = queueAt(NEW);
  await redis.hset(`${OLD}:turns:1`, { data: "not JSON" });
  await redis.hset(`${OLD}:turns:2`, { data: '{"other":1}' });
  await redis.rpush(`${OLD}:turns:wait`, "1", "2", "3");
  await moveOldJobs(redis, OLD, queue);
  expect(await redis.keys(`${OLD}:*`)).toEqual([]);
  expect(await redis.keys(`${NEW}:turns:prioritized`)).toEqual([]);
});
