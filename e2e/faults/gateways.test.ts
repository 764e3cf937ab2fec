import { setTimeout as delay } from "node:timers/promises";
import type { SessionView } from "@boocode/client";
import type { ServiceProcess } from "@boocode/local-stack";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectAgreement } from "../harness/expect-agreement.ts";
import { subscribersAgree, untilAllEnded } from "../harness/invariants.ts";
import { balance } from "../harness/network/balance.ts";
import { size } from "../harness/scale.ts";
import { type System, startSystem, type User } from "../harness/start-system.ts";
import { openSubscriber } from "../harness/subscriber.ts";
import { untilAllSpeak, type WatchedTurn, watchTurns } from "../harness/turns.ts";

let system: System;
let user: User;

beforeAll(async () => {
  system = await startSystem({
    apis: 1,
    workers: 2,
    gateways: 2,
  });
  user = await system.addUser("ada");
});
afterAll(() => system.stop());

test("subscribers reconnect to gateways that are killed in turn, and continue where they were", async () => {
  const turns = await watchTurns(system, user, size(16, 100), { tokens: size(175, 350), interval_ms: size(40, 50) });
  await untilAllSpeak(turns);
  for (const gateway of [...system.gateways] as ServiceProcess[]) {
    await gateway.stop("SIGKILL");
    await system.restart(gateway);
    await untilLive(turns);
  }
  await expectAgreement(system, turns);
});

/** Resolves when every subscriber is live. */
async function untilLive(turns: WatchedTurn[]): Promise<void> {
  const isLive = (view: SessionView) => view.connection === "live";
  await Promise.all(turns.map(({ subscriber }) => subscriber.follower.until(isLive, AbortSignal.timeout(20_000))));
}

test("gateways that are replaced one by one send their subscribers away in time and exit with 0", async () => {
  const turns = await watchTurns(system, user, size(16, 100), { tokens: size(175, 350), interval_ms: size(40, 50) });
  await untilAllSpeak(turns);
  for (const gateway of [...system.gateways] as ServiceProcess[]) {
    expect(await gateway.stop()).toBe(0);
    await system.restart(gateway);
  }
  await expectAgreement(system, turns);
});

test("subscribers behind a balancer are silent for less than two seconds when a gateway is taken away", async () => {
  const balancer = await balance(system.gateways.map(({ url }) => url));
  const [stays, leaves] = system.gateways as [ServiceProcess, ServiceProcess];
  const turns = await watchTurns({ ...system, gateways: [{ ...stays, url: balancer.url }] }, user, size(16, 100), {
    ...{ tokens: 120, interval_ms: 50 },
  });
  await untilAllSpeak(turns);
  expect(await leaves.stop()).toBe(0);
  await untilLive(turns);
  await expectAgreement(system, turns);
  const longest = Math.max(...turns.map(({ subscriber }) => subscriber.longestSilenceMs()));
  console.log(`longest silence when a gateway was taken away: ${longest.toFixed(0)} ms`);
  expect(longest).toBeLessThan(2_000);
  await balancer.close();
  await system.restart(leaves);
});

test("subscribers that join and refresh at random moments agree in the end", async () => {
  const turns = await watchTurns(system, user, size(3, 10), { tokens: size(200, 400), interval_ms: size(40, 50) });
  await untilAllSpeak(turns);
  const joined = await Promise.all(
    Array.from({ length: size(60, 200) }, async (_, index) => {
      const turn = turns[index % turns.length] as WatchedTurn;
      let subscriber = openSubscriber(system, user, turn.sessionId, { gateway: index % 2 });
      for (let refresh = 0; refresh < 3; refresh++) {
        await delay(Math.random() * 1_500);
        expect(subscriber.broken).toEqual([]);
        await subscriber.close();
        subscriber = openSubscriber(system, user, turn.sessionId, { gateway: (index + refresh) % 2 });
      }
      return subscriber;
    }),
  );
  await untilAllEnded(system, 40_000);
  expect(await subscribersAgree(system, joined)).toEqual([]);
  await Promise.all(joined.map((subscriber) => subscriber.close()));
  await expectAgreement(system, turns);
});
