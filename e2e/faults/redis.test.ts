import { setTimeout as delay } from "node:timers/promises";
import { connectRedis, untilRedisReady } from "@boocode/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { brokenInvariants, untilAllEnded, viewersAgree } from "../harness/invariants.ts";
import { type System, startSystem, type User } from "../harness/start-system.ts";
import { closeAll, untilAllSpeak, viewersOf, type WatchedTurn, watchTurns } from "../harness/turns.ts";

let system: System;
let user: User;

beforeAll(async () => {
  system = await startSystem({ apis: 2, workers: 3, gateways: 2 });
  user = await system.addUser("ada");
});
afterAll(() => system.stop());

async function agreed(turns: WatchedTurn[]): Promise<void> {
  await untilAllEnded(system, 40_000);
  expect(await viewersAgree(system, viewersOf(turns))).toEqual([]);
  expect(await brokenInvariants(system)).toEqual([]);
  await closeAll(turns);
}

const longestSilence = (turns: WatchedTurn[]) =>
  Math.max(...turns.map(({ viewer }) => viewer.longestSilenceMs())).toFixed(0);

test("a Redis that is killed in mid-stream and comes back changes nothing that anybody sees in the end", async () => {
  const turns = await watchTurns(system, user, 15, { tokens: 250 });
  await untilAllSpeak(turns);
  await system.redis.kill("SIGKILL");
  await delay(1_500);
  await system.redis.restart();
  const back = performance.now();
  const after = await watchTurns(system, user, 1, { tokens: 3 });
  await untilAllSpeak(after);
  console.log(`working again ${(performance.now() - back).toFixed(0)} ms after Redis is back`);
  await agreed([...turns, ...after]);
  console.log(`longest silence while Redis was away: ${longestSilence(turns)} ms`);
});

test("without Redis a posted message is answered 202, run, and shown at the pace of the drafts", async () => {
  const turns = await watchTurns(system, user, 3, { tokens: 200 });
  await untilAllSpeak(turns);
  await system.redis.kill("SIGKILL");
  const [first] = turns as [WatchedTurn];
  const before = first.viewer.follower.view.messages.at(-1)?.content.length ?? 0;
  await first.viewer.follower.until(
    (view) => (view.messages.at(-1)?.content.length ?? 0) > before + 20,
    AbortSignal.timeout(10_000),
  );
  const posted = performance.now();
  const late = await watchTurns(system, user, 2, { tokens: 20 });
  console.log(`two posts without Redis took ${(performance.now() - posted).toFixed(0)} ms`);
  await untilAllEnded(system, 40_000);
  await system.redis.restart();
  await agreed([...turns, ...late]);
});

test("a Redis that hangs is waited for by nobody", async () => {
  const turns = await watchTurns(system, user, 8, { tokens: 300 });
  await untilAllSpeak(turns);
  await system.redis.kill("SIGSTOP");
  await delay(5_000);
  await system.redis.kill("SIGCONT");
  await agreed(turns);
  console.log(`longest silence while Redis hung: ${longestSilence(turns)} ms`);
});

test("FLUSHALL in mid-stream with turns queued delays them and changes no final state", async () => {
  const turns = await watchTurns(system, user, 15, { tokens: 200 });
  await untilAllSpeak(turns);
  // Queued behind their sessions' running turns, and in the queue.
  await Promise.all(
    turns.map(({ sessionId }) => user.rest.post(sessionId, '[[script {"tokens":5,"mark":"attempt","key":"q"}]]')),
  );
  const redis = connectRedis(system.redis.url);
  await untilRedisReady(redis, 5_000);
  for (let i = 0; i < 3; i++) {
    await redis.flushall();
    await delay(400);
  }
  redis.disconnect();
  await agreed(turns);
  console.log(`longest silence while Redis was flushed: ${longestSilence(turns)} ms`);
});

test("subscriber connections that are cut every 300 ms show every frame once", async () => {
  const turns = await watchTurns(system, user, 10, { tokens: 250 });
  const redis = connectRedis(system.redis.url);
  await untilRedisReady(redis, 5_000);
  for (let i = 0; i < 12; i++) {
    await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
    await delay(300);
  }
  redis.disconnect();
  await agreed(turns);
});

test("a Redis that is full takes no frames, and turns go on all the same", async () => {
  const redis = connectRedis(system.redis.url);
  await untilRedisReady(redis, 5_000);
  const turns = await watchTurns(system, user, 8, { tokens: 250 });
  await untilAllSpeak(turns);
  await redis.config("SET", "maxmemory", "1mb");
  await delay(2_500);
  await redis.config("SET", "maxmemory", "0");
  redis.disconnect();
  await agreed(turns);
});
