import { setTimeout as delay } from "node:timers/promises";
import type { ServiceProcess } from "@boocode/local-stack";
import { afterEach, expect, test } from "vitest";
import { WebSocket } from "ws";
import { brokenInvariants, subscribersAgree, untilAllEnded } from "../harness/invariants.ts";
import { size } from "../harness/scale.ts";
import { type System, startSystem, type User } from "../harness/start-system.ts";
import { closeAll, subscribersOf, untilAllSpeak, type WatchedTurn, watchTurns } from "../harness/turns.ts";

/**
 * A gateway dies, or gateways are replaced, with many sockets open. The clients run in this process and share its cores;
 * together they receive 4,000 frames a second, whatever their number.
 */
const SOCKETS = size(400, 2_000);
const SESSIONS = 10;

let system: System;
let user: User;

async function start(gateways: number): Promise<WatchedTurn[]> {
  system = await startSystem({ gateways, env: { USER_LIMITS: "off" } });
  user = await system.addUser("ada");
  const turns = await watchTurns(system, user, SESSIONS, { tokens: 3_000, interval_ms: SOCKETS / 4 });
  await untilAllSpeak(turns);
  return turns;
}
afterEach(() => system.stop());

/** A client that only keeps its cursor and reconnects, after the delay that the gateway gave or within a second. */
function follow(url: () => string, path: string) {
  const state = { cursor: "0.0.0.0", frames: 0, gaps: 0, stopped: false, socket: null as WebSocket | null };
  const open = () => {
    if (state.stopped) return;
    const socket = new WebSocket(`${url()}${path}?cursor=${state.cursor}`, {
      headers: { authorization: `Bearer ${user.token}` },
    });
    state.socket = socket;
    let first = true;
    let pauseMs = Math.random() * 1_000;
    socket.on("message", (data) => {
      const frame = JSON.parse(data.toString()) as Told;
      if (frame.retry_after_ms !== undefined) pauseMs = frame.retry_after_ms;
      if (frame.cursor && frame.type !== "subscribed") {
        const epoch = (cursor: string) => cursor.slice(0, cursor.lastIndexOf("."));
        const known = Number(state.cursor.slice(state.cursor.lastIndexOf(".") + 1));
        const isNext = (frame.first_seq ?? frame.seq) === known + 1;
        if (frame.type !== "snapshot" && epoch(frame.cursor) === epoch(state.cursor) && !isNext) state.gaps += 1;
        state.cursor = frame.cursor;
      }
      if (first || frame.type !== "subscribed") state.frames += 1;
      first = false;
    });
    socket.on("error", () => {});
    socket.on("close", () => setTimeout(open, pauseMs));
  };
  open();
  return state;
}

interface Told {
  type: string;
  cursor?: string;
  seq?: number;
  first_seq?: number;
  retry_after_ms?: number;
}

async function untilAll(clients: { frames: number }[], more: number[], ms: number): Promise<void> {
  const until = performance.now() + ms;
  while (clients.some((client, index) => client.frames <= (more[index] ?? 0))) {
    if (performance.now() > until) throw new Error("not every socket was served in time");
    await delay(20);
  }
}

async function snapshotReads(gateway: ServiceProcess): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  return Number(/boocode_snapshot_reads_total\{[^}]*\} (\S+)/.exec(text)?.[1]);
}

type Client = ReturnType<typeof follow>;

async function ended(clients: Client[], turns: WatchedTurn[]): Promise<void> {
  expect(clients.filter((client) => client.gaps > 0)).toEqual([]);
  for (const client of clients) {
    client.stopped = true;
    client.socket?.terminate();
  }
  await Promise.all(turns.map(({ sessionId }) => user.rest.cancel(sessionId)));
  await untilAllEnded(system, 20_000);
  // Ten of the sockets belong to the client library and show their text.
  expect(await subscribersAgree(system, subscribersOf(turns))).toEqual([]);
  expect(await brokenInvariants(system)).toEqual([]);
  await closeAll(turns);
}

const socketPath = (turns: WatchedTurn[], index: number) =>
  `/api/ws/sessions/${turns[index % SESSIONS]?.sessionId as string}`;
const socketUrl = (gateway: number) => (system.gateways[gateway] as ServiceProcess).url.replace("http", "ws");

test(`${SOCKETS} sockets reconnect after their gateway is killed, with few reads of the database`, {
  timeout: 180_000,
}, async () => {
  const turns = await start(1);
  const clients = Array.from({ length: SOCKETS }, (_, index) => follow(() => socketUrl(0), socketPath(turns, index)));
  await untilAll(clients, [], 60_000);

  const victim = system.gateways[0] as ServiceProcess;
  await victim.stop("SIGKILL");
  const seen = clients.map((client) => client.frames);
  const restarted = await system.restart(victim);
  const back = performance.now();
  await untilAll(clients, seen, 60_000);
  const tookMs = performance.now() - back;
  const reads = await snapshotReads(restarted);
  console.log(
    `${SOCKETS} sockets resumed ${(tookMs / 1_000).toFixed(1)} s after the gateway was back; ${reads} snapshot reads for ${SESSIONS} turns`,
  );
  expect(reads).toBeLessThanOrEqual(SESSIONS);
  await ended(clients, turns);
});

test(`${SOCKETS} sockets miss nothing while both gateways are replaced, one after the other`, {
  timeout: 180_000,
}, async () => {
  const turns = await start(2);
  // Like a load balancer, this sends clients only to a gateway that accepts sockets.
  let draining = -1;
  const clients = Array.from({ length: SOCKETS }, (_, index) =>
    follow(() => socketUrl(draining < 0 ? index % 2 : 1 - draining), socketPath(turns, index)),
  );
  await untilAll(clients, [], 60_000);

  for (draining = 0; draining < 2; draining++) {
    const leaving = system.gateways[draining] as ServiceProcess;
    const began = performance.now();
    expect(await leaving.stop()).toBe(0);
    const gone = performance.now();
    await system.restart(leaving);
    const seen = clients.map((client) => client.frames);
    await untilAll(clients, seen, 60_000);
    console.log(
      `a gateway sent its share of ${SOCKETS} sockets away in ${((gone - began) / 1_000).toFixed(1)} s; ` +
        `all were served ${((performance.now() - gone) / 1_000).toFixed(1)} s after it had gone`,
    );
  }
  draining = -1;
  await ended(clients, turns);
});
