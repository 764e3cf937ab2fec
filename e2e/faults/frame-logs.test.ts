import { setTimeout as delay } from "node:timers/promises";
import { type Epoch, parseCursor } from "@boocode/contracts";
import { createKeys } from "@boocode/frame-log";
import { connectRedis, untilRedisReady } from "@boocode/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createFold, foldOf } from "../harness/fold.ts";
import { subscribersAgree } from "../harness/invariants.ts";
import { type System, startSystem, type User } from "../harness/start-system.ts";
import { openSubscriber } from "../harness/subscriber.ts";
import { untilEnd } from "../harness/turn-end.ts";
import { closeAll, untilAllSpeak, type WatchedTurn, watchTurns } from "../harness/turns.ts";
import { watchSession } from "../harness/watch.ts";

let system: System;
let user: User;
let redis: ReturnType<typeof connectRedis>;

beforeAll(async () => {
  system = await startSystem({
    env: { FRAME_LOG_ENTRIES: "100", FRAME_LOG_TTL_MS: "1500", FRAME_LOG_ENDED_TTL_MS: "1000" },
  });
  user = await system.addUser("ada");
  redis = connectRedis(system.redis.url);
  await untilRedisReady(redis, 5_000);
});
afterAll(async () => {
  redis.disconnect();
  await system.stop();
});

/** The first seq that the log of an epoch still holds; 0 without a log. */
async function oldest(sessionId: string, epoch: Epoch): Promise<number> {
  const [entry] = await redis.xrange(createKeys("boocode").log(sessionId, epoch), "-", "+", "COUNT", 1);
  return entry ? Number(entry[0].split("-")[0]) : 0;
}

/** Disconnects in mid-stream, reconnects when the log no longer holds the next frame, and must miss nothing. */
async function resumeWithout(
  script: { tokens: number; interval_ms: number; tokens_per_delta?: number },
  afterEnd = false,
) {
  const [turn] = (await watchTurns(system, user, 1, script)) as [WatchedTurn];
  await untilAllSpeak([turn]);
  const gateway = system.gateways[0]?.url as string;
  const fold = createFold(null);
  const first = watchSession(gateway, user.token, turn.sessionId, "?cursor=0.0.0.0");
  await first.until((frame) => frame.type === "delta" || frame.type === "snapshot");
  await first.close();
  for (const frame of first.frames) fold.apply(frame);
  const { epoch, seq } = fold.cursor;
  if (afterEnd) await untilEnd(watchSession(gateway, user.token, turn.sessionId));
  const gone = async () => {
    const held = await oldest(turn.sessionId, epoch);
    return held === 0 || held > seq + 1;
  };
  while (!(await gone())) await delay(20);

  const last = first.frames.findLast((frame) => "cursor" in frame) as { cursor: string };
  expect(parseCursor(last.cursor)).toEqual(fold.cursor);
  const again = watchSession(gateway, user.token, turn.sessionId, `?cursor=${last.cursor}`);
  await untilEnd(again);
  for (const frame of again.frames) fold.apply(frame);
  expect(again.frames.some((frame) => frame.type === "snapshot")).toBe(true);
  const stored = foldOf(await user.rest.messages(turn.sessionId));
  const answers = (texts: typeof stored) => [...texts].filter(([, message]) => message.role === "assistant");
  expect(answers(fold.texts)).toEqual(answers(stored));
  await again.close();

  // A new subscriber, which starts at the beginning, cannot be served from the log either.
  const late = openSubscriber(system, user, turn.sessionId);
  await late.follower.until((view) => view.connection === "live", AbortSignal.timeout(10_000));
  expect(await subscribersAgree(system, [late, turn.subscriber])).toEqual([]);
  await late.close();
  await closeAll([turn]);
}

test("a snapshot replaces a log that expired before a resume", async () => {
  await resumeWithout({ tokens: 300, interval_ms: 20 });
});

test("a snapshot replaces the log of a turn that ended a while before a resume", async () => {
  await resumeWithout({ tokens: 40, interval_ms: 20 }, true);
});

test("a snapshot replaces a log that was trimmed before a resume", async () => {
  await resumeWithout({ tokens: 2_000, interval_ms: 2, tokens_per_delta: 1 });
});
