import { setTimeout as delay } from "node:timers/promises";
import type { Ready } from "@boocode/contracts";
import type { ServiceProcess } from "@boocode/local-stack";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectAgreement } from "../harness/expect-agreement.ts";
import { untilAllEnded } from "../harness/invariants.ts";
import { askRedis, cutSubscribers, refusedWhenFull } from "../harness/network/ask-redis.ts";
import { percentiles } from "../harness/percentiles.ts";
import { isFull, size } from "../harness/scale.ts";
import { type System, startSystem, type User } from "../harness/start-system.ts";
import { untilAllSpeak, type WatchedTurn, watchTurns } from "../harness/turns.ts";

let system: System;
let user: User;

beforeAll(async () => {
  system = await startSystem({ apis: 2, workers: 3, gateways: 2, env: { USER_LIMITS: "off" } });
  user = await system.addUser("ada");
});
afterAll(() => system.stop());

const silences = (turns: WatchedTurn[]) => percentiles(turns.map(({ subscriber }) => subscriber.longestSilenceMs()));

/** The number of warnings of the process that logged most. */
function warningsOfOneProcess(lines: string[]): number {
  const warnings = lines
    .map((line) => JSON.parse(line) as { level: number; pid: number })
    .filter(({ level }) => level >= 40);
  const count = new Map<number, number>();
  for (const { pid } of warnings) count.set(pid, (count.get(pid) ?? 0) + 1);
  return Math.max(0, ...count.values());
}

// At full size Redis is away for half a second to half a minute.
for (const awayMs of isFull ? [500, 5_000, 30_000] : [1_500]) {
  test(`a Redis that is killed in mid-stream and comes back after ${awayMs} ms changes no final state`, async () => {
    const turns = await watchTurns(system, user, size(15, 100), {
      tokens: size(125, 250),
      interval_ms: size(2, 1) * (20 + awayMs / 200),
    });
    await untilAllSpeak(turns);
    const logged = system.lines.length;
    await system.redis.kill("SIGKILL");
    await delay(awayMs);
    await system.redis.restart();
    const back = performance.now();
    const after = await watchTurns(system, user, 1, { tokens: 3 });
    await untilAllSpeak(after);
    console.log(`working again ${(performance.now() - back).toFixed(0)} ms after Redis is back`);
    await expectAgreement(system, [...turns, ...after]);
    expect(warningsOfOneProcess(system.lines.slice(logged))).toBeLessThan(6);
    console.log(`silence while Redis was away for ${awayMs} ms: ${silences(turns)}`);
  });
}

test("without Redis services start, and a message is accepted, run, and shown at the pace of the drafts", async () => {
  const turns = await watchTurns(system, user, 3, { tokens: 800 });
  await untilAllSpeak(turns);
  await system.redis.kill("SIGKILL");
  for (const { url, name } of [system.apis[0], system.workers[0], system.gateways[0]] as ServiceProcess[]) {
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    const follows = { api: {}, worker: { hints: "down", tools: "ok" }, gateway: { subscriber: "down" } }[name];
    await expect
      .poll(
        async () => {
          const ready = await fetch(`${url}/readyz`);
          return { code: ready.status, ...((await ready.json()) as Ready) };
        },
        { timeout: 10_000 },
      )
      .toMatchObject({ code: 503, dependencies: { postgres: "ok", redis: "down", ...follows } });
  }
  const replaced = [system.apis[1], system.gateways[1]] as ServiceProcess[];
  for (const service of replaced) expect(await service.stop()).toBe(0);
  await Promise.all(replaced.map((service) => system.restart(service)));
  const [first] = turns as [WatchedTurn];
  const length = () => first.subscriber.follower.view.messages.at(-1)?.content.length ?? 0;
  for (let growth = 0; growth < 4; growth++) {
    const before = length();
    await first.subscriber.follower.until(() => length() > before, AbortSignal.timeout(10_000));
    // The text grew before the end of the turn.
    expect(first.subscriber.follower.view.messages.at(-1)?.status).toBe("streaming");
  }
  const posted = performance.now();
  const late = await watchTurns(system, user, 2, { tokens: 20 });
  console.log(`two posts without Redis took ${(performance.now() - posted).toFixed(0)} ms`);
  await untilAllEnded(system, 40_000);
  await system.redis.restart();
  await expectAgreement(system, [...turns, ...late]);
});

test("nothing waits for a Redis that hangs", async () => {
  const turns = await watchTurns(system, user, size(8, 50), { tokens: size(150, 300), interval_ms: size(40, 80) });
  await untilAllSpeak(turns);
  await system.redis.kill("SIGSTOP");
  await delay(size(5_000, 20_000));
  await system.redis.kill("SIGCONT");
  await expectAgreement(system, turns);
  console.log(`silence while Redis hung: ${silences(turns)}`);
});

test("FLUSHALL in mid-stream with turns queued delays them and changes no final state", async () => {
  // The number of slots in all workers; further turns wait in the queue.
  const room = size(6, 48);
  for (const worker of [...system.workers]) {
    await worker.stop();
    await system.restart(worker, { WORKER_CONCURRENCY: String(room / 3) });
  }
  // The gate holds these turns near their end, so that they keep every slot until the flush, however slow the machine is.
  const gate = { name: "flushed", at: size(90, 190) };
  // Of two users, because one may not fill a worker.
  const users = [user, await system.addUser("bob")];
  const script = { tokens: size(100, 200), interval_ms: size(40, 50), gate };
  const turns = (await Promise.all(users.map((each) => watchTurns(system, each, room / 2, script)))).flat();
  await untilAllSpeak(turns);
  const queued = await watchTurns(system, user, size(15, 50), { tokens: 5 });
  await askRedis(system, async (redis) => {
    const [key] = await redis.keys("*:queue:turns:prioritized");
    expect(await redis.zcard(key as string)).toBeGreaterThan(queued.length / 2);
    for (let i = 0; i < 3; i++) {
      await redis.flushall();
      await delay(400);
    }
    expect(await redis.keys("*:queue:turns:prioritized")).toEqual([]);
  });
  system.model.release("flushed");
  await expectAgreement(system, [...turns, ...queued]);
  console.log(`silence while Redis was flushed: ${silences(turns)}`);
});

test("every frame is shown once although pub/sub connections are cut every 300 ms", async () => {
  const turns = await watchTurns(system, user, 10, { tokens: 250 });
  await askRedis(system, async (redis) => {
    let cuts = 0;
    for (let i = 0; i < 12; i++) {
      cuts += await cutSubscribers(redis);
      await delay(300);
    }
    // Five processes subscribe to channels, and each reconnected between cuts.
    expect(cuts).toBeGreaterThan(2 * 5);
  });
  await expectAgreement(system, turns);
});

test("turns and posts continue while a full Redis rejects frames", async () => {
  const turns = await watchTurns(system, user, 8, { tokens: 250 });
  await untilAllSpeak(turns);
  const posted = await askRedis(system, async (redis) => {
    await redis.config("SET", "maxmemory", "1mb");
    const late = await watchTurns(system, user, 2, { tokens: 10 });
    await delay(2_500);
    expect(await refusedWhenFull(redis)).toBeGreaterThan(0);
    await redis.config("SET", "maxmemory", "0");
    return late;
  });
  await expectAgreement(system, [...turns, ...posted]);
});
