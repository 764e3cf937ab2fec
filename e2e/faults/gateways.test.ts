import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { SessionView } from "@boocode/client";
import { SessionFrame } from "@boocode/contracts";
import type { ServiceProcess } from "@boocode/local-stack";
import { EventSource } from "eventsource";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { expectAgreement } from "../harness/expect-agreement.ts";
import { subscribersAgree, untilAllEnded } from "../harness/invariants.ts";
import { markedScript } from "../harness/marked-text.ts";
import { balance } from "../harness/network/balance.ts";
import { size } from "../harness/scale.ts";
import { FASTIFY, type System, startSystem, type User } from "../harness/start-system.ts";
import { openSubscriber } from "../harness/subscriber.ts";
import { isEndOf } from "../harness/turn-end.ts";
import { untilAllSpeak, type WatchedTurn, watchTurns } from "../harness/turns.ts";

let system: System;
let user: User;

beforeAll(async () => {
  system = await startSystem({
    env: { USER_LIMITS: "off" },
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

test("subscribers of a gateway that is removed receive nothing for less than two seconds", async () => {
  const [stays, leaves] = system.gateways as [ServiceProcess, ServiceProcess];
  const balancer = await balance([leaves.url, stays.url]);
  const watch = (url: string) =>
    watchTurns({ ...system, gateways: [{ ...stays, url }] }, user, size(8, 50), { tokens: 120, interval_ms: 50 });
  const [moved, undisturbed] = await Promise.all([watch(balancer.url), watch(stays.url)]);
  const turns = [...moved, ...undisturbed];
  await untilAllSpeak(turns);
  expect(await leaves.stop()).toBe(0);
  await untilLive(turns);
  await expectAgreement(system, turns);
  await system.restart(leaves);
  await balancer.close();
  const [silence, ofTheMachine] = [moved, undisturbed].map((some) =>
    Math.max(...some.map(({ subscriber }) => subscriber.longestSilenceMs())),
  ) as [number, number];
  console.log(`longest silence: ${silence.toFixed(0)} ms, undisturbed ${ofTheMachine.toFixed(0)} ms`);
  // A busy machine delays all subscribers.
  expect(silence - ofTheMachine).toBeLessThan(2_000);
});

test("a third-party EventSource gets the whole text of a turn, although its gateway is replaced meanwhile", async () => {
  const gateway = system.gateways[0] as ServiceProcess;
  const { id } = await user.rest.session((await user.rest.project(FASTIFY)).id, { model: "words" });
  const source = new EventSource(`${gateway.url}/api/sessions/${id}/events`, {
    fetch: (url, init) => fetch(url, { ...init, headers: { ...init.headers, authorization: `Bearer ${user.token}` } }),
  });
  const frames: SessionFrame[] = [];
  const texts = new Map<string, string>();
  let opened = 0;
  source.onopen = () => {
    opened += 1;
  };
  source.onmessage = ({ data }) => {
    const frame = SessionFrame.parse(JSON.parse(data));
    frames.push(frame);
    if (frame.type === "delta") texts.set(frame.message_id, (texts.get(frame.message_id) ?? "") + frame.content);
    if (frame.type === "snapshot")
      for (const { id, role, content } of frame.messages) if (role === "assistant") texts.set(id, content);
  };
  await vi.waitFor(() => expect(opened).toBe(1), 10_000);
  const { turn_id } = await user.rest.post(id, markedScript(randomUUID(), { tokens: 100, interval_ms: 40 }));
  await vi.waitFor(() => expect([...texts.values()].join("").length).toBeGreaterThan(100), 20_000);
  expect(await gateway.stop()).toBe(0);
  await system.restart(gateway);
  await vi.waitFor(() => expect(frames.some(isEndOf(turn_id))).toBe(true), 30_000);
  source.close();
  const answer = (await user.rest.messages(id)).messages.at(-1);
  expect([answer?.status, texts.get(answer?.id ?? "")]).toEqual(["complete", answer?.content]);
  expect(opened).toBeGreaterThan(1);
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
