import { randomUUID } from "node:crypto";
import type { Writable } from "node:stream";
import type { Server } from "@boocode/backing-services";
import { testRedis } from "@boocode/backing-services/testing";
import { createFollower, createFrameAppender, createKeys, openEnvelope, readLog } from "@boocode/frame-log";
import {
  connectRedis,
  connectRedisSubscriber,
  type Redis,
  type RedisSubscriber,
  untilRedisReady,
} from "@boocode/runtime";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";

const keys = createKeys("test");
const LIMITS = { entries: 50, ttlMs: 60_000, endedTtlMs: 5_000 };

let server: Server;
let redis: Redis;
let subscriber: RedisSubscriber;
/** The seqs that subscribers of the session received. */
let heard: number[];
let session: string;
const epoch = { ordinal: 1, attempt: 1, nonce: "n" };

beforeAll(async () => {
  server = await testRedis();
  redis = connectRedis(server.url);
  subscriber = connectRedisSubscriber(server.url);
  await Promise.all([redis, subscriber].map((connection) => untilRedisReady(connection, 5_000)));
});
afterAll(async () => {
  redis.disconnect();
  subscriber.disconnect();
  await server.stop();
});

let stopFollowing = () => {};
beforeEach(async () => {
  session = randomUUID();
  heard = [];
  stopFollowing();
  const seen = heard;
  const channel = keys.session(session);
  const follower = createFollower(subscriber, {
    onMessage: (from, bytes) => {
      const envelope = openEnvelope(bytes);
      if (from === channel && envelope?.kind === "turn") seen.push(envelope.position.seq);
    },
    onGap: () => {},
  });
  stopFollowing = () => follower.stop();
  await follower.follow(channel);
});
afterAll(() => stopFollowing());

const frames = (...numbers: number[]) =>
  numbers.map((seq) => ({ seq, frame: { type: "delta", text: `frame ${seq}` } }));
const appender = () => createFrameAppender(redis, keys, LIMITS);
const logged = async () => (await readLog(redis, keys, session, epoch, 0)).map((frame) => frame.position.seq);

/** Waits for a marker on the same connections, which arrives after everything published before it. */
async function untilDelivered(): Promise<void> {
  const marker = new Promise<void>((resolve) => {
    const onMessage = (channel: string) => {
      if (channel !== "marker") return;
      subscriber.off("message", onMessage);
      resolve();
    };
    subscriber.on("message", onMessage);
  });
  await subscriber.subscribe("marker");
  await redis.publish("marker", "");
  await marker;
}

test("each frame is logged and published once, in order, with the same bytes", async () => {
  await appender().append(session, epoch, frames(1, 2, 3));
  await appender().append(session, epoch, frames(4));
  await untilDelivered();
  expect(heard).toEqual([1, 2, 3, 4]);
  const log = await readLog(redis, keys, session, epoch, 0);
  expect(log.map(({ position, json }) => [position, json])).toEqual(
    [1, 2, 3, 4].map((seq) => [{ epoch, seq }, JSON.stringify({ type: "delta", text: `frame ${seq}` })]),
  );
});

test("a repeated append publishes nothing, and a longer one only the new frames", async () => {
  await appender().append(session, epoch, frames(1, 2));
  await appender().append(session, epoch, frames(1, 2));
  await appender().append(session, epoch, frames(1, 2, 3));
  await untilDelivered();
  expect(heard).toEqual([1, 2, 3]);
  expect(await logged()).toEqual([1, 2, 3]);
});

test("an older seq is ignored, and a gap in the seqs is kept", async () => {
  await appender().append(session, epoch, frames(5));
  await appender().append(session, epoch, frames(3, 4, 5, 9));
  await untilDelivered();
  expect(heard).toEqual([5, 9]);
  expect(await logged()).toEqual([5, 9]);
});

test("another attempt starts at seq 1 in its own log", async () => {
  await appender().append(session, epoch, frames(1, 2));
  await appender().append(session, { ...epoch, attempt: 2 }, frames(1));
  expect(await logged()).toEqual([1, 2]);
  expect(await readLog(redis, keys, session, { ...epoch, attempt: 2 }, 0)).toHaveLength(1);
  expect(await readLog(redis, keys, session, { ...epoch, nonce: "other" }, 0)).toEqual([]);
});

test("a log is read from a seq on, and an empty result means that it holds no frame from there on", async () => {
  await appender().append(session, epoch, frames(1, 2, 3, 7));
  const from = async (seq: number) => (await readLog(redis, keys, session, epoch, seq)).map((f) => f.position.seq);
  expect(await from(3)).toEqual([3, 7]);
  expect(await from(4)).toEqual([7]);
  expect(await from(8)).toEqual([]);
});

test("a log expires a fixed time after its creation: later frames do not extend it", async () => {
  const key = keys.log(session, epoch);
  await appender().append(session, epoch, frames(1));
  expect(await redis.pttl(key)).toBeGreaterThan(55_000);
  await redis.pexpire(key, 20_000);
  await appender().append(session, epoch, frames(2));
  expect(await redis.pttl(key)).toBeLessThanOrEqual(20_000);
});

const finished = (seq: number) => [{ seq, frame: { type: "turn_finished" } }];

test("the end of a turn shortens the log's life, also when the frame is sent twice or is the log's only one", async () => {
  const key = keys.log(session, epoch);
  await appender().append(session, epoch, frames(1));
  await appender().append(session, epoch, finished(2));
  expect(await redis.pttl(key)).toBeLessThanOrEqual(5_000);
  await redis.pexpire(key, 50_000);
  await appender().append(session, epoch, finished(2));
  expect(await redis.pttl(key)).toBeLessThanOrEqual(5_000);
  const other = { ...epoch, attempt: 2 };
  await appender().append(session, other, finished(7));
  expect(await redis.pttl(keys.log(session, other))).toBeLessThanOrEqual(5_000);
});

test("what several turns append in one tick leaves in one write, in order", async () => {
  const { append, together } = appender();
  const { stream } = redis as unknown as { stream: Writable };
  const corked: number[] = [];
  await Promise.all(
    [1, 2, 3].map(
      (seq) =>
        new Promise((resolve) => {
          together(() => {
            corked.push(stream.writableCorked);
            resolve(append(session, epoch, frames(seq)));
          });
        }),
    ),
  );
  expect(corked).toEqual([1, 1, 1]);
  expect(stream.writableCorked).toBe(0);
  expect(await logged()).toEqual([1, 2, 3]);
});

test("a log keeps roughly its maximum number of entries, the newest ones, and every frame is published", async () => {
  await appender().append(session, epoch, frames(...Array.from({ length: 400 }, (_, i) => i + 1)));
  await untilDelivered();
  expect(heard).toHaveLength(400);
  const numbers = await logged();
  expect(numbers.length).toBeLessThanOrEqual(LIMITS.entries + 100);
  expect(numbers.at(-1)).toBe(400);
  expect(numbers[0]).toBe(400 - numbers.length + 1);
});

test("an error other than an old seq is thrown, and the partial log still expires", async () => {
  const broken = [...frames(1), { seq: Number.NaN, frame: {} }];
  await expect(appender().append(session, epoch, broken)).rejects.toThrow(/Invalid stream ID/);
  expect(await logged()).toEqual([1]);
  expect(await redis.pttl(keys.log(session, epoch))).toBeGreaterThan(0);
});

test("a full Redis rejects frames, publishes nothing, and accepts the same frames later", async () => {
  await redis.config("SET", "maxmemory", "1");
  await expect(appender().append(session, epoch, frames(1, 2))).rejects.toThrow(/OOM/);
  await redis.config("SET", "maxmemory", "0");
  await appender().append(session, epoch, frames(1, 2));
  await untilDelivered();
  expect(heard).toEqual([1, 2]);
});
