import { setTimeout as delay } from "node:timers/promises";
import type { ServiceProcess } from "@boocode/local-stack";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { brokenInvariants, untilAllEnded, viewersAgree } from "../harness/invariants.ts";
import { FASTIFY, type System, startSystem, type User } from "../harness/start-system.ts";
import { closeAll, untilAllSpeak, viewersOf, type WatchedTurn, watchTurns } from "../harness/turns.ts";
import { openViewer } from "../harness/viewer.ts";

let system: System;
let user: User;

beforeAll(async () => {
  system = await startSystem({
    apis: 1,
    workers: 2,
    gateways: 2,
    env: { FRAME_LOG_ENTRIES: "100", RECONNECT_SPREAD_MS: "1000" },
  });
  user = await system.addUser("ada");
});
afterAll(() => system.stop());

async function agreed(turns: WatchedTurn[]): Promise<void> {
  await untilAllEnded(system, 40_000);
  expect(await viewersAgree(system, viewersOf(turns))).toEqual([]);
  expect(await brokenInvariants(system)).toEqual([]);
  await closeAll(turns);
}

test("gateways that are killed in turn are come back to, and every viewer goes on where it was", async () => {
  const turns = await watchTurns(system, user, 16, { tokens: 350 });
  await untilAllSpeak(turns);
  for (const gateway of [...system.gateways] as ServiceProcess[]) {
    await gateway.stop("SIGKILL");
    await system.restart(gateway);
    await delay(500);
  }
  await agreed(turns);
});

test("gateways that are replaced one by one send everybody away in good time and end with 0", async () => {
  const turns = await watchTurns(system, user, 16, { tokens: 350 });
  await untilAllSpeak(turns);
  for (const gateway of [...system.gateways] as ServiceProcess[]) {
    expect(await gateway.stop()).toBe(0);
    await system.restart(gateway);
  }
  await agreed(turns);
});

test("a log that was trimmed and one that has expired are both repaired by a snapshot", async () => {
  const turns = await watchTurns(system, user, 2, { tokens: 1_500, interval_ms: 2, tokens_per_delta: 1 });
  await untilAllSpeak(turns);
  await untilAllEnded(system, 40_000);
  const [first] = turns as [WatchedTurn];
  // The log keeps about a hundred entries of many more: a viewer from the beginning cannot be replayed.
  const late = openViewer(system, user, first.sessionId);
  await late.follower.until((view) => view.connection === "live", AbortSignal.timeout(10_000));
  expect(await viewersAgree(system, [late])).toEqual([]);
  await late.close();
  await agreed(turns);
});

test("a socket that stops reading is no burden: it is ended or caught up, and its neighbours see every word", {
  timeout: 60_000,
}, async () => {
  const neighbours = await watchTurns(system, user, 10, { tokens: 400, interval_ms: 20 });
  const project = await user.rest.project(FASTIFY);
  const loud = await user.rest.session(project.id, { name: "loud", model: "words" });
  const gateway = system.gateways[0] as ServiceProcess;
  const slow = new WebSocket(`${gateway.url.replace("http", "ws")}/api/ws/sessions/${loud.id}?cursor=0.0.0.0`, {
    headers: { authorization: `Bearer ${user.token}` },
  });
  const closed = new Promise<number>((resolve) => slow.once("close", resolve));
  await new Promise((resolve) => slow.once("message", resolve));
  slow.pause();
  const before = await residentBytes(gateway);
  const script = { tokens: 2_500, interval_ms: 2, prefix: "x".repeat(4_000) };
  await user.rest.post(loud.id, `[[script ${JSON.stringify(script)}]]`);
  await untilAllEnded(system, 40_000);
  const after = await residentBytes(gateway);
  console.log(
    `10 MB that a slow socket did not read: resident memory grew by ${((after - before) / 1e6).toFixed(1)} MB`,
  );
  // It reads again: either it was ended, or it is caught up with what it missed.
  slow.resume();
  const ended = new Promise<string>((resolve) =>
    slow.on("message", (data) => {
      if (data.toString().includes('"turn_finished"') || data.toString().includes('"snapshot"')) resolve("caught up");
    }),
  );
  expect(["caught up", 1006, 4413]).toContain(await Promise.race([ended, closed]));
  slow.terminate();
  expect(await viewersAgree(system, viewersOf(neighbours))).toEqual([]);
  await closeAll(neighbours);
  await user.rest.request("DELETE", `/api/sessions/${loud.id}`);
  await system.sql`update messages set deleted_at = now() where session_id = ${loud.id}`;
});

async function residentBytes(service: ServiceProcess): Promise<number> {
  const text = await (await fetch(`${service.url}/metrics`)).text();
  return Number(/process_resident_memory_bytes\{[^}]*\} (\S+)/.exec(text)?.[1]);
}

test("viewers who come and refresh at random moments all see the same in the end", { timeout: 60_000 }, async () => {
  const turns = await watchTurns(system, user, 3, { tokens: 400, interval_ms: 20 });
  await untilAllSpeak(turns);
  const visits = await Promise.all(
    Array.from({ length: 60 }, async (_, index) => {
      const turn = turns[index % turns.length] as WatchedTurn;
      let viewer = openViewer(system, user, turn.sessionId, { gateway: index % 2 });
      for (let refresh = 0; refresh < 3; refresh++) {
        await delay(Math.random() * 1_500);
        expect(viewer.broken).toEqual([]);
        await viewer.close();
        viewer = openViewer(system, user, turn.sessionId, { gateway: (index + refresh) % 2 });
      }
      return viewer;
    }),
  );
  await untilAllEnded(system, 40_000);
  expect(await viewersAgree(system, visits)).toEqual([]);
  await Promise.all(visits.map((viewer) => viewer.close()));
  await agreed(turns);
});
