import { randomUUID } from "node:crypto";
import { createKeys } from "@boocode/frame-log";
import { connectRedis, untilRedisReady } from "@boocode/runtime";
import type { Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";
import { markedScript } from "./harness/marked-text.ts";
import { FASTIFY, type System, startSystem, type User } from "./harness/start-system.ts";
import { untilEnd } from "./harness/turn-end.ts";
import { watchSession } from "./harness/watch.ts";

let system: System;
let user: User;
let redis: Redis;

beforeAll(async () => {
  system = await startSystem();
  user = await system.addUser("ada");
  redis = connectRedis(system.redis.url) as Redis;
  await untilRedisReady(redis, 5_000);
});
afterAll(async () => {
  redis.disconnect();
  await system.stop();
});

const keys = createKeys("boocode");
/** BullMQ's scripts of the queue, by their number of keys. */
const SCRIPTS: Record<string, string> = { 9: "add", 11: "take", 14: "finish" };

/**
 * What a command is for; null for what stands on no turn's way: health, published changes, frames and their readers, a blocking read,
 * hints that a turn waits for a silent server, and the queues of earlier versions.
 */
function purposeOf(args: readonly string[]): string | null {
  const [command = "", , count = ""] = args;
  const key = args[3] ?? args[1] ?? "";
  if (!/^eval/i.test(command))
    return /^(ping|info|publish|subscribe|unsubscribe|xrange|bzpopmin|client|hello|set)$/i.test(command)
      ? null
      : command;
  if (key.startsWith("boocode:log:") || key === keys.check || key.startsWith(`${keys.oldQueues}:`)) return null;
  if (key.startsWith("boocode:rate:")) return "rates";
  // Slots are also freed behind an answer, and kept on a timer.
  if (key.startsWith("boocode:model-slots:")) return args[3 + Number(count)] === "take" ? "slot" : null;
  return key.startsWith(`${keys.queues}:turns:`) ? (SCRIPTS[count] ?? command) : key;
}

/** Asks a question. @returns what the services asked Redis for until the model had its request, in order */
async function askAndListen(sessionId: string): Promise<string[]> {
  const watch = watchSession(system.gateways[0]?.url as string, user.token, sessionId);
  await watch.until((frame) => frame.type === "subscribed");
  const monitor = await redis.monitor();
  const seen: { at: number; purpose: string }[] = [];
  monitor.on("monitor", (time: string, args: string[], source: string) => {
    const purpose = source === "lua" ? null : purposeOf(args);
    if (purpose !== null) seen.push({ at: Number(time) * 1_000, purpose });
  });
  const key = randomUUID();
  const { turn_id: turnId } = await user.rest.post(sessionId, markedScript(key, { tokens: 5 }));
  const request = await system.model.until((one) => one.key === key);
  await untilEnd(watch, turnId);
  monitor.disconnect();
  await watch.close();
  return seen.filter(({ at }) => at <= request.at).map(({ purpose }) => purpose);
}

test("from the post to the model's request, Redis is asked for rates, to add and to take a job, and for a slot", async () => {
  const project = await user.rest.project(FASTIFY);
  const session = await user.rest.session(project.id, { name: "cost", model: "words" });
  // In the first turn, each process also sends the scripts themselves.
  await askAndListen(session.id);
  const asked = await askAndListen(session.id);
  const taken = asked.indexOf("take");
  expect(asked.slice(0, taken + 1)).toEqual(["rates", "add", "take"]);
  // The claim has begun when the job is finished: neither that, nor the search for another job, delays the turn.
  expect(["finish", "slot"]).toContain(asked[taken + 1]);
  expect(asked.slice(taken).filter((purpose) => !["take", "finish"].includes(purpose))).toEqual(["slot"]);
});
