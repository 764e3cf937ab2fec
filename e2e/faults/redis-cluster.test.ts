import { type RedisCluster, startRedisCluster } from "@boocode/backing-services/testing";
import { createKeys } from "@boocode/frame-log";
import { connectRedis, type Redis, untilRedisReady } from "@boocode/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectAgreement } from "../harness/expect-agreement.ts";
import { percentiles } from "../harness/percentiles.ts";
import { untilReady } from "../harness/readiness.ts";
import { ONLY_PUBLISHED, type System, startSystem, type User } from "../harness/start-system.ts";
import { untilAllSpeak, type WatchedTurn, watchTurns } from "../harness/turns.ts";

/** Three masters with a replica each; a silent node has failed after 2 s. */
let cluster: RedisCluster;
let system: System;
let user: User;
let redis: Redis;

const keys = createKeys("boocode");

beforeAll(async () => {
  cluster = await startRedisCluster();
  redis = connectRedis(cluster.url);
  await untilRedisReady(redis, 10_000);
  system = await startSystem({
    workers: 2,
    route: async ({ databaseUrl }) => ({ databaseUrl, redisUrl: cluster.url }),
  });
  // Half of the subscribers see only what reaches them through Redis.
  await system.start("gateway", ONLY_PUBLISHED);
  user = await system.addUser("ada");
  await untilReady(system);
});
afterAll(async () => {
  await system.stop();
  redis.disconnect();
  await cluster.stop();
});

/** The number of frames in the logs of the sessions of these turns. */
async function logged(turns: WatchedTurn[]): Promise<number> {
  const rows = await system.sql<{ session_id: string; ordinal: number; attempt: number; nonce: string }[]>`
    select session_id, ordinal, attempt, nonce from turns where id = any(${turns.map(({ turnId }) => turnId)}::uuid[])`;
  const counts = await Promise.all(rows.map(({ session_id, ...epoch }) => redis.xlen(keys.log(session_id, epoch))));
  return counts.reduce((sum, count) => sum + count, 0);
}

test("turns run, and several masters have logs of them", async () => {
  const turns = await watchTurns(system, user, 12, { tokens: 10 });
  await expectAgreement(system, turns);
  const masters = new Set(await Promise.all(turns.map(({ sessionId }) => cluster.masterOf(keys.placeOf(sessionId)))));
  expect(masters.size).toBeGreaterThan(1);
  expect(await logged(turns)).toBeGreaterThan(12 * 3);
});

test.each([["killed", "SIGKILL"] as const, ["stopped", "SIGSTOP"] as const])(
  "when a master is %s, text flows again within 10 s and nothing is lost",
  async (_what, signal) => {
    const turns = await watchTurns(system, user, 9, { tokens: 110, interval_ms: 80 });
    await untilAllSpeak(turns);
    const place = keys.placeOf(turns[0]?.sessionId ?? "");
    const dead = await cluster.masterOf(place);
    await dead.kill(signal);
    const killedAt = performance.now();
    const promoted = async () => (await cluster.masterOf(place)) !== dead;
    await expect.poll(promoted, { timeout: 20_000 }).toBe(true);
    await untilReady(system);
    const tookMs = performance.now() - killedAt;
    const late = await watchTurns(system, user, 6, { tokens: 5 });
    await untilAllSpeak(late);
    // This client may still ask the master that has failed.
    for (const turn of late) await expect.poll(() => logged([turn]), { timeout: 10_000 }).toBeGreaterThan(0);
    if (signal === "SIGSTOP") await dead.kill("SIGCONT");
    else await dead.restart();
    const silences = turns.map(({ subscriber }) => subscriber.longestSilenceMs());
    console.log(`ready ${tookMs.toFixed(0)} ms after a master was ${signal}; silence: ${percentiles(silences)}`);
    expect(Math.max(...silences)).toBeLessThan(10_000);
    await expectAgreement(system, [...turns, ...late]);
    await untilReady(system);
  },
);
