import { setTimeout as delay } from "node:timers/promises";
import type { ServiceProcess } from "@boocode/local-stack";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { untilAllEnded } from "../harness/invariants.ts";
import { percentiles } from "../harness/percentiles.ts";
import { size } from "../harness/scale.ts";
import { FASTIFY, type System, startSystem, type User } from "../harness/start-system.ts";
import { untilEnd } from "../harness/turn-end.ts";
import { subscribed, watchSession } from "../harness/watch.ts";

/**
 * One socket of many stops reading. It must cost the gateway no memory and the others no time. Its session is loud: it sends
 * far more than the kernel's buffers hold.
 */
const NEIGHBOURS = size(10, 50);
/** How long the slow socket does not read. */
const SLOW_MS = size(6_000, 60_000);

interface Neighbour {
  watch: ReturnType<typeof watchSession>;
  sessionId: string;
}

let system: System;
let user: User;
let gateway: ServiceProcess;
let projectId: string;

beforeAll(async () => {
  // Slots for all neighbours and the loud session.
  system = await startSystem({ env: { WORKER_CONCURRENCY: "100", USER_LIMITS: "off" } });
  user = await system.addUser("ada");
  gateway = system.gateways[0] as ServiceProcess;
  projectId = (await user.rest.project(FASTIFY)).id;
});
afterAll(() => system.stop());

const newSession = async () => (await user.rest.session(projectId, { name: "named", model: "words" })).id;
const post = (sessionId: string, script: object) => user.rest.post(sessionId, `[[script ${JSON.stringify(script)}]]`);

async function residentBytes(): Promise<number> {
  const text = await (await fetch(`${gateway.url}/metrics`)).text();
  return Number(/process_resident_memory_bytes\{[^}]*\} (\S+)/.exec(text)?.[1]);
}

interface Arrival {
  at: number;
  content: string;
}

/** The delay of each word from the model, which stamps it with the time, to this socket. Each must arrive once, in order. */
function delaysOf(arrived: readonly Arrival[], tokens: number): number[] {
  const words = arrived.flatMap(({ at, content }) =>
    [...content.matchAll(/(\d{13}\.\d+):(\d+)/g)].map(([, left, index]) => ({
      took: at - Number(left),
      index: Number(index),
    })),
  );
  expect(words.map(({ index }) => index)).toEqual(Array.from({ length: tokens }, (_, index) => index));
  return words.map(({ took }) => took);
}

/** Streams to all neighbours at once for `ms`. @returns their delays */
async function stream(neighbours: Neighbour[], ms: number): Promise<number[]> {
  const arrivals = neighbours.map(({ watch: { socket } }) => {
    const arrived: Arrival[] = [];
    const note = (data: { toString(): string }) => {
      const frame = JSON.parse(data.toString()) as { type: string; content?: string };
      if (frame.type === "delta") arrived.push({ at: Date.now(), content: frame.content ?? "" });
    };
    socket.on("message", note);
    return { arrived, stop: () => socket.off("message", note) };
  });
  const interval = 100;
  const tokens = Math.ceil(ms / interval);
  const turns = await Promise.all(
    neighbours.map(({ sessionId }) => post(sessionId, { tokens, interval_ms: interval, mark: "time" })),
  );
  await Promise.all(neighbours.map(({ watch }, index) => untilEnd(watch, turns[index]?.turn_id, 2 * ms + 30_000)));
  for (const { stop } of arrivals) stop();
  return arrivals.flatMap(({ arrived }) => delaysOf(arrived, tokens));
}

/** More than the kernel's buffers and the gateway's own limits together. */
const LEAST_MEGABYTES = 9;

/** Sends a megabyte in every turn of the loud session, until `ms` have passed and enough was sent. */
async function makeNoise(sessionId: string, ms: number): Promise<void> {
  const until = performance.now() + ms;
  for (let said = 0; said < LEAST_MEGABYTES || performance.now() < until; said++) {
    await post(sessionId, { tokens: 1_000, interval_ms: 0.5, prefix: "x".repeat(1_000), tokens_per_delta: 20 });
    while ((await user.rest.turns(sessionId)).length > 0) await delay(50);
  }
}

/** Streams while the loud session makes noise. @returns the neighbours' delays and the gateway's peak memory */
async function beside(loud: string, neighbours: Neighbour[]): Promise<{ delays: number[]; most: number }> {
  let most = 0;
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      most = Math.max(most, await residentBytes());
      await delay(200);
    }
  })();
  const [delays] = await Promise.all([stream(neighbours, SLOW_MS), makeNoise(loud, SLOW_MS)]);
  isOver = true;
  await watching;
  await untilAllEnded(system, 40_000);
  return { delays, most };
}

test("a socket that stops reading costs neither memory nor its neighbours' time, and catches up or is closed", {
  timeout: size(90_000, 400_000),
}, async () => {
  const neighbours = await Promise.all(
    Array.from({ length: NEIGHBOURS }, async (): Promise<Neighbour> => {
      const sessionId = await newSession();
      const watch = await subscribed(watchSession(gateway.url, user.token, sessionId, "?cursor=0.0.0.0"));
      return { watch, sessionId };
    }),
  );
  const loud = await newSession();
  const open = async () => {
    const socket = new WebSocket(`${gateway.url.replace("http", "ws")}/api/ws/sessions/${loud}`, {
      headers: { authorization: `Bearer ${user.token}` },
    });
    await new Promise((resolve) => socket.once("message", resolve));
    return socket;
  };

  // For comparison, the same noise first goes to a socket that reads.
  const reading = await open();
  let heard = 0;
  reading.on("message", (data: Buffer) => {
    heard += data.length;
  });
  const usual = await beside(loud, neighbours);
  reading.terminate();
  expect(heard).toBeGreaterThan((LEAST_MEGABYTES - 1) * 1e6);

  const slow = await open();
  const closed = new Promise<number>((resolve) => slow.once("close", resolve));
  slow.pause();
  const burdened = await beside(loud, neighbours);
  console.log(
    `a socket that does not read ${(heard / 1e6).toFixed(0)} MB changes the gateway's memory by ` +
      `${((burdened.most - usual.most) / 1e6).toFixed(1)} MB; delays of its ${NEIGHBOURS} neighbours: ` +
      `${percentiles(usual.delays)} beside one that reads, ${percentiles(burdened.delays)} beside one that does not`,
  );

  // When the slow socket reads again, it finds itself closed or catches up.
  const caughtUp = new Promise<string>((resolve) =>
    slow.on("message", (data) => {
      if (data.toString().includes('"type":"snapshot"')) resolve("caught up");
    }),
  );
  slow.resume();
  expect(["caught up", 1006, 4413]).toContain(await Promise.race([caughtUp, closed]));
  slow.terminate();
  await Promise.all(neighbours.map(({ watch }) => watch.close()));
});
