import type { Server } from "@boocode/backing-services";
import { testRedis } from "@boocode/backing-services/testing";
import {
  connectRedis,
  connectRedisBlocking,
  connectRedisSubscriber,
  type Redis,
  reasonOf,
  untilRedisReady,
  withConnectionFailure,
} from "@boocode/runtime";
import { afterAll, beforeAll, expect, test, vi } from "vitest";

let server: Server;
const opened: Redis[] = [];

beforeAll(async () => {
  server = await testRedis();
});
afterAll(async () => {
  for (const redis of opened) redis.disconnect();
  await server.stop();
});

async function ready(redis: Redis): Promise<Redis> {
  opened.push(redis);
  await untilRedisReady(redis, 5_000);
  return redis;
}

const until = (condition: () => void) => vi.waitFor(condition, { timeout: 10_000, interval: 5 });

test("a command on a hanging Redis fails within its deadline, and works again afterwards", async () => {
  const redis = await ready(connectRedis(server.url, 100));
  await server.kill("SIGSTOP");
  const startedAt = performance.now();
  await expect(redis.ping()).rejects.toThrow("timed out");
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  await server.kill("SIGCONT");
  await until(() => expect(redis.status).toBe("ready"));
  expect(await redis.ping()).toBe("PONG");
});

test("without Redis, commands fail at once and a blocked read waits; both work again when it is back", async () => {
  const redis = await ready(connectRedis(server.url));
  const blocking = await ready(connectRedisBlocking(server.url));
  const popped = blocking.blpop("list", 0);
  await server.kill("SIGKILL");
  await until(() => expect(redis.status).not.toBe("ready"));
  const startedAt = performance.now();
  await expect(redis.set("a", "b")).rejects.toThrow();
  expect(performance.now() - startedAt).toBeLessThan(500);
  await server.restart();
  await until(() => expect(redis.status).toBe("ready"));
  await redis.rpush("list", "served");
  expect(await popped).toEqual(["list", "served"]);
});

test("a subscriber connection does not resubscribe by itself, because its follower does", async () => {
  const [redis, subscriber] = [await ready(connectRedis(server.url)), await ready(connectRedisSubscriber(server.url))];
  await subscriber.subscribe("a");
  await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
  await until(() => expect(subscriber.status).not.toBe("ready"));
  await until(() => expect(subscriber.status).toBe("ready"));
  expect(await redis.pubsub("NUMSUB", "a")).toEqual(["a", 0]);
});

test("waiting for a missing Redis ends with a clear error", async () => {
  const redis = connectRedis("redis://127.0.0.1:1");
  opened.push(redis);
  await expect(untilRedisReady(redis, 50)).rejects.toThrow("Redis did not answer within 50 ms");
});

test("a URL of the wrong form is distinguished from a server that is down", async () => {
  const sentinel = await testRedis({ sentinel: true, config: () => ["sentinel monitor main 127.0.0.1 1 1"] });
  try {
    for (const url of [sentinel.url, server.url.replace("redis:", "redis+cluster:")]) {
      const redis = connectRedis(url);
      opened.push(redis);
      const reason = () => withConnectionFailure(redis, () => redis.eval("return 1", 0)).then(String, reasonOf);
      await expect.poll(reason, { timeout: 10_000 }).toBe("wrong_node");
    }
  } finally {
    await sentinel.stop();
  }
});
