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
const KINDS = [
  ["rates", "boocode:rate:"],
  ["queue", `${keys.queues}:turns:`],
  ["slots", "boocode:model-slots:"],
  ["frames", "boocode:log:"],
] as const;

/** What a command is for; null for what stands on no turn's way: health, published changes, and the queues of earlier versions. */
function kindOf(args: readonly string[]): string | null {
  const text = args.join(" ");
  if (/^(ping|info|publish|subscribe|unsubscribe|hello|client) ?/i.test(text)) return null;
  if (text.includes(`${keys.oldQueues}:`) || text.includes(keys.check)) return null;
  return KINDS.find(([, key]) => text.includes(key))?.[0] ?? text;
}

/** Asks a question and counts what the services send to Redis until the model has its request, by kind. */
async function countCommands(sessionId: string): Promise<Record<string, number>> {
  const watch = watchSession(system.gateways[0]?.url as string, user.token, sessionId);
  await watch.until((frame) => frame.type === "subscribed");
  const monitor = await redis.monitor();
  const seen: { at: number; args: string[] }[] = [];
  monitor.on("monitor", (time: string, args: string[], source: string) => {
    if (source !== "lua") seen.push({ at: Number(time) * 1_000, args });
  });
  const key = randomUUID();
  const { turn_id: turnId } = await user.rest.post(sessionId, markedScript(key, { tokens: 5 }));
  const request = await system.model.until((one) => one.key === key);
  await untilEnd(watch, turnId);
  await redis.ping();
  monitor.disconnect();
  await watch.close();
  const counts: Record<string, number> = {};
  for (const { at, args } of seen) {
    const kind = kindOf(args);
    if (at <= request.at && kind !== null && kind !== "frames") counts[kind] = (counts[kind] ?? 0) + 1;
  }
  return counts;
}

test("from the post to the model's request, Redis is asked four times: rates, and three times the queue", async () => {
  const project = await user.rest.project(FASTIFY);
  const session = await user.rest.session(project.id, { name: "cost", model: "words" });
  // The first time, each process sends the scripts themselves.
  await countCommands(session.id);
  const counts = await countCommands(session.id);
  console.log(counts);
  expect(counts).toEqual({ rates: 1, queue: 3 });
});
