import { type RedisSentinels, startRedisSentinels } from "@boocode/backing-services/testing";
import { connectRedis, type Redis, untilRedisReady } from "@boocode/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectAgreement } from "../harness/expect-agreement.ts";
import { percentiles } from "../harness/percentiles.ts";
import { untilReady } from "../harness/readiness.ts";
import { ONLY_PUBLISHED, type System, startSystem, type User } from "../harness/start-system.ts";
import { untilAllSpeak, watchTurns } from "../harness/turns.ts";

/** A master with a replica, and a Sentinel with a password of its own, for which a server that is silent for 2 s is down. */
let sentinels: RedisSentinels;
let system: System;
let user: User;
let redis: Redis;

beforeAll(async () => {
  sentinels = await startRedisSentinels();
  const login = { REDIS_SENTINEL_PASSWORD: sentinels.sentinelPassword };
  redis = connectRedis({ REDIS_URL: sentinels.url, ...login });
  await untilRedisReady(redis, 10_000);
  system = await startSystem({
    workers: 2,
    env: login,
    route: async ({ databaseUrl }) => ({ databaseUrl, redisUrl: sentinels.url }),
  });
  // Half of the subscribers see only what reaches them through Redis.
  await system.start("gateway", ONLY_PUBLISHED);
  user = await system.addUser("ada");
  await untilReady(system);
});
afterAll(async () => {
  await system.stop();
  redis.disconnect();
  await sentinels.stop();
});

const published = async () => Number(/cmdstat_publish:calls=(\d+)/.exec(await redis.info("commandstats"))?.[1] ?? 0);

test.each([["killed", "SIGKILL"] as const, ["stopped", "SIGSTOP"] as const])(
  "when the master is %s, text flows again within 10 s and nothing is lost",
  async (_what, signal) => {
    const servers = [sentinels.master, sentinels.replica];
    const port = Number(/tcp_port:(\d+)/.exec(await redis.info("server"))?.[1]);
    const master = servers.find(({ url }) => new URL(url).port === String(port));
    const turns = await watchTurns(system, user, 8, { tokens: 110, interval_ms: 80 });
    await untilAllSpeak(turns);
    await master?.kill(signal);
    const killedAt = performance.now();
    const promoted = async () => /tcp_port:(\d+)/.exec(await redis.info("server"))?.[1] !== String(port);
    await expect.poll(promoted, { timeout: 20_000 }).toBe(true);
    await untilReady(system);
    const tookMs = performance.now() - killedAt;
    const before = await published();
    const late = await watchTurns(system, user, 3, { tokens: 5 });
    await untilAllSpeak(late);
    expect(await published()).toBeGreaterThan(before + 3);
    if (signal === "SIGSTOP") await master?.kill("SIGCONT");
    else await master?.restart();
    const silences = turns.map(({ subscriber }) => subscriber.longestSilenceMs());
    console.log(`ready ${tookMs.toFixed(0)} ms after the master was ${signal}; silence: ${percentiles(silences)}`);
    expect(Math.max(...silences)).toBeLessThan(10_000);
    await expectAgreement(system, [...turns, ...late]);
    await untilReady(system);
    // The next test needs a replica that is up to date.
    const inSync = async () => (await redis.info("replication")).includes("state=online");
    await expect.poll(inSync, { timeout: 20_000 }).toBe(true);
  },
);
