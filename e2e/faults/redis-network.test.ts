import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectAgreement } from "../harness/expect-agreement.ts";
import { proxyBefore, type TcpProxy, through } from "../harness/network/tcp-proxy.ts";
import { percentiles } from "../harness/percentiles.ts";
import { size } from "../harness/scale.ts";
import { type System, startSystem, type User } from "../harness/start-system.ts";
import { untilAllSpeak, type WatchedTurn, watchTurns } from "../harness/turns.ts";

let system: System;
let user: User;
let proxy: TcpProxy;

beforeAll(async () => {
  system = await startSystem({
    env: { USER_LIMITS: "off" },
    apis: 2,
    workers: 2,
    gateways: 2,
    route: async ({ databaseUrl, redisUrl }) => {
      proxy = await proxyBefore(redisUrl);
      return { databaseUrl, redisUrl: through(redisUrl, proxy) };
    },
  });
  user = await system.addUser("ada");
});
afterAll(async () => {
  await system.stop();
  await proxy.close();
});

test("every subscriber sees the end of a turn although its frame is lost on the way to the gateways", async () => {
  const gate = { name: "the last frame", at: "end" };
  const turns = await watchTurns(system, user, size(10, 50), { tokens: size(30, 60), interval_ms: size(40, 60), gate });
  await untilAllSpeak(turns);
  const before = proxy.drops();
  proxy.dropMessagesWith('"type":"turn_finished"');
  system.model.release(gate.name);
  const repairs = await Promise.all(
    turns.map(async ({ subscriber, turnId }) => {
      await subscriber.untilEnded(turnId);
      const shownAt = Date.now();
      const [row] = await system.sql<[{ at: number }]>`
        select (extract(epoch from finished_at) * 1000)::float as at from turns where id = ${turnId}`;
      return shownAt - row.at;
    }),
  );
  proxy.dropMessagesWith(null);
  expect(proxy.drops() - before).toBe(turns.length);
  console.log(`a lost last frame is repaired: ${percentiles(repairs)} after the turn's end`);
  await expectAgreement(system, turns);
});

test("appends whose answers are lost are retried, and no subscriber sees a frame twice", async () => {
  const turns: WatchedTurn[] = [];
  for (const bytes of ['"type":"delta"', '"type":"message_complete"', '"type":"turn_finished"']) {
    const before = proxy.cuts();
    proxy.cutAnswerTo(bytes, 4);
    turns.push(...(await watchTurns(system, user, 4, { tokens: 60, interval_ms: 15 })));
    await untilCut(before + 1);
  }
  proxy.cutAnswerTo("", 0);
  await expectAgreement(system, turns);
});

test("a wake-up whose answer is lost costs only the connection, and the post is answered 202", async () => {
  const before = proxy.cuts();
  // Matches a job but no frame, because `turn_id` is not the first field of a frame.
  proxy.cutAnswerTo('{"turn_id":"', 6);
  const turns = await watchTurns(system, user, 12, { tokens: 10 });
  proxy.cutAnswerTo("", 0);
  expect(proxy.cuts()).toBeGreaterThan(before);
  await expectAgreement(system, turns);
});

test("turns survive a network that drops all traffic to Redis and then resets every connection", async () => {
  const turns = await watchTurns(system, user, size(8, 30), { tokens: size(200, 400), interval_ms: size(40, 50) });
  await untilAllSpeak(turns);
  proxy.set("blackHole");
  await delay(size(4_000, 12_000));
  proxy.set("pass");
  for (let i = 0; i < 6; i++) {
    proxy.set("reset");
    proxy.set("pass");
    await delay(300);
  }
  await expectAgreement(system, turns);
  console.log(
    `silence behind a broken network: ${percentiles(turns.map(({ subscriber }) => subscriber.longestSilenceMs()))}`,
  );
});

async function untilCut(cuts: number): Promise<void> {
  while (proxy.cuts() < cuts) await delay(10);
}
