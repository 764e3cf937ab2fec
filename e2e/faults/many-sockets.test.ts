import { setTimeout as delay } from "node:timers/promises";
import type { ServiceProcess } from "@boocode/local-stack";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { brokenInvariants, untilAllEnded } from "../harness/invariants.ts";
import { type System, startSystem, type User } from "../harness/start-system.ts";
import { closeAll, untilAllSpeak, watchTurns } from "../harness/turns.ts";

/*
 * A gateway dies with many sockets on it. The full figure is 2,000 (`MANY_SOCKETS=2000`); a test run takes fewer, because the
 * clients live in this process and share its cores with everything else. Together they get 4,000 frames a second, whatever
 * their number.
 */
const SOCKETS = Number(process.env.MANY_SOCKETS ?? 400);
const SESSIONS = 10;

let system: System;
let user: User;

beforeAll(async () => {
  system = await startSystem({ apis: 1, workers: 1, gateways: 1 });
  user = await system.addUser("ada");
});
afterAll(() => system.stop());

/** A client that only keeps its cursor and comes back, after a pause of up to a second. */
function follow(url: () => string, path: string) {
  const state = { cursor: "0.0.0.0", frames: 0, holes: 0, stopped: false, socket: null as WebSocket | null };
  const open = () => {
    if (state.stopped) return;
    const socket = new WebSocket(`${url()}${path}?cursor=${state.cursor}`, {
      headers: { authorization: `Bearer ${user.token}` },
    });
    state.socket = socket;
    let first = true;
    socket.on("message", (data) => {
      const frame = JSON.parse(data.toString()) as { type: string; cursor?: string; seq?: number; first_seq?: number };
      if (frame.cursor && frame.type !== "subscribed") {
        const epoch = (cursor: string) => cursor.slice(0, cursor.lastIndexOf("."));
        const known = Number(state.cursor.slice(state.cursor.lastIndexOf(".") + 1));
        const isNext = (frame.first_seq ?? frame.seq) === known + 1;
        if (frame.type !== "snapshot" && epoch(frame.cursor) === epoch(state.cursor) && !isNext) state.holes += 1;
        state.cursor = frame.cursor;
      }
      if (first || frame.type !== "subscribed") state.frames += 1;
      first = false;
    });
    socket.on("error", () => {});
    socket.on("close", () => setTimeout(open, Math.random() * 1_000));
  };
  open();
  return state;
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

test(`${SOCKETS} sockets come back to a gateway that was killed, with few reads of the database`, {
  timeout: 180_000,
}, async () => {
  const turns = await watchTurns(system, user, SESSIONS, { tokens: 3_000, interval_ms: SOCKETS / 4 });
  await untilAllSpeak(turns);
  await closeAll(turns);
  const gateway = () => (system.gateways[0] as ServiceProcess).url.replace("http", "ws");
  const clients = Array.from({ length: SOCKETS }, (_, index) =>
    follow(gateway, `/api/ws/sessions/${turns[index % SESSIONS]?.sessionId}`),
  );
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
  expect(clients.filter((client) => client.holes > 0)).toEqual([]);
  expect(reads).toBeLessThanOrEqual(SESSIONS);

  for (const client of clients) {
    client.stopped = true;
    client.socket?.terminate();
  }
  await Promise.all(turns.map(({ sessionId }) => user.rest.cancel(sessionId)));
  await untilAllEnded(system, 20_000);
  expect(await brokenInvariants(system)).toEqual([]);
});
