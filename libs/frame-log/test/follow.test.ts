import type { Server } from "@boocode/backing-services";
import { testRedis } from "@boocode/backing-services/testing";
import { createFollower, createFrameAppender, createKeys, createPublisher, type Follower } from "@boocode/frame-log";
import {
  connectRedis,
  connectRedisSubscriber,
  type Redis,
  type RedisSubscriber,
  untilRedisReady,
} from "@boocode/runtime";
import { afterEach, beforeEach, expect, test, vi } from "vitest";

let server: Server;
let redis: Redis;
let subscriber: RedisSubscriber;
let follower: Follower;
let heard: string[];
let gaps: number;

beforeEach(async () => {
  server = await testRedis();
  redis = connectRedis(server.url);
  subscriber = connectRedisSubscriber(server.url);
  await Promise.all([redis, subscriber].map((connection) => untilRedisReady(connection, 5_000)));
  [heard, gaps] = [[], 0];
  follower = createFollower(subscriber, {
    onMessage: (channel, bytes) => heard.push(`${channel} ${bytes}`),
    onGap: () => {
      gaps += 1;
    },
  });
});
afterEach(async () => {
  follower.stop();
  redis.disconnect();
  subscriber.disconnect();
  await server.stop();
});

const until = (condition: () => void) => vi.waitFor(condition, { timeout: 10_000, interval: 5 });

test("after `follow` resolves, everything published arrives, on its channel only and in order", async () => {
  for (let i = 0; i < 30; i++) {
    await follower.follow(`c${i}`);
    await redis.publish(`c${i}`, "hello");
  }
  await redis.publish("c99", "to nobody");
  await redis.publish("c0", "last");
  await until(() => expect(heard.at(-1)).toBe("c0 last"));
  expect(heard).toEqual([...Array.from({ length: 30 }, (_, i) => `c${i} hello`), "c0 last"]);
  expect([follower.connected(), gaps]).toEqual([true, 0]);
});

test("`follow` does not resolve before Redis has acknowledged", async () => {
  await server.kill("SIGSTOP");
  let resolved = false;
  const following = follower.follow("a").then(() => {
    resolved = true;
  });
  for (let i = 0; i < 20; i++) await new Promise(setImmediate);
  expect(resolved).toBe(false);
  await server.kill("SIGCONT");
  await following;
  await redis.publish("a", "x");
  await until(() => expect(heard).toEqual(["a x"]));
});

test("an unfollowed channel is silent", async () => {
  await follower.follow("a");
  await follower.follow("b");
  await follower.leave("a");
  await redis.publish("a", "x");
  await redis.publish("b", "y");
  await until(() => expect(heard).toEqual(["b y"]));
});

test("a reconnect restores every channel, and reports the gap before anything new arrives", async () => {
  for (let i = 0; i < 1_200; i++) void follower.follow(`c${i}`);
  await follower.follow("last");
  await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
  await until(() => expect(follower.connected()).toBe(false));
  await until(() => expect(gaps).toBe(1));
  expect(follower.connected()).toBe(true);
  await redis.publish("c0", "again");
  await redis.publish("c1199", "again");
  await until(() => expect(heard).toEqual(["c0 again", "c1199 again"]));
  expect(gaps).toBe(1);
});

test("a channel that was unfollowed during an outage is not resubscribed", async () => {
  await follower.follow("a");
  await follower.follow("b");
  await server.kill("SIGKILL");
  await until(() => expect(follower.connected()).toBe(false));
  await expect(follower.leave("a")).rejects.toThrow();
  await server.restart();
  await until(() => expect([gaps, redis.status]).toEqual([1, "ready"]));
  expect(await redis.pubsub("NUMSUB", "a", "b")).toEqual(["a", 0, "b", 1]);
});

test("channels are followed again after Redis restarts, and each outage is reported as one gap", async () => {
  await follower.follow("a");
  for (const round of [1, 2]) {
    await server.kill("SIGKILL");
    await until(() => expect(follower.connected()).toBe(false));
    await expect(follower.follow("while away")).rejects.toThrow();
    await server.restart();
    await until(() => expect(gaps).toBe(round));
    await until(() => expect(redis.status).toBe("ready"));
    await redis.publish("a", `round ${round}`);
    await until(() => expect(heard.at(-1)).toBe(`a round ${round}`));
  }
  await redis.publish("while away", "followed now");
  await until(() => expect(heard.at(-1)).toBe("while away followed now"));
});

test("a hanging Redis fails appends, reads and publishes within their deadline, and the append can be retried", async () => {
  const keys = createKeys("t");
  const quick = connectRedis(server.url, 150);
  await untilRedisReady(quick, 5_000);
  const appender = createFrameAppender(quick, keys, { entries: 10, ttlMs: 1_000, endedTtlMs: 1_000 });
  const epoch = { ordinal: 1, attempt: 1, nonce: "n" };
  await follower.follow(keys.session("s"));
  await server.kill("SIGSTOP");
  const startedAt = performance.now();
  const renamed = { type: "session_renamed", session_id: "s", version: 1, name: "n", auto_named: false } as const;
  await Promise.all([
    expect(appender.append("s", epoch, [{ seq: 1, frame: {} }])).rejects.toThrow(/timed out/),
    expect(createPublisher(quick, keys).toSession(renamed)).rejects.toThrow(/timed out/),
  ]);
  expect(performance.now() - startedAt).toBeLessThan(1_000);
  await server.kill("SIGCONT");
  await appender.append("s", epoch, [{ seq: 1, frame: {} }]);
  await appender.append("s", epoch, [{ seq: 2, frame: {} }]);
  await until(() => expect(heard.at(-1)).toContain("1.1.n.2"));
  expect(heard.filter((line) => line.includes("1.1.n.1\n"))).toHaveLength(1);
  quick.disconnect();
});

test("when Redis refuses to subscribe again, the check fails with its reply; afterwards everything is followed", async () => {
  await follower.follow("a");
  expect(await follower.check("check")).toBe(true);
  await redis.call("ACL", "SETUSER", "default", "-subscribe");
  await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
  await until(async () => await expect(follower.check("check")).rejects.toThrow("NOPERM"));
  await redis.call("ACL", "SETUSER", "default", "+subscribe");
  await until(async () => expect(await follower.check("check")).toBe(true));
  await redis.publish("a", "x");
  await until(() => expect(heard.at(-1)).toBe("a x"));
});
