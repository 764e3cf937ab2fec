import { type RedisCluster, startRedisCluster } from "@boocode/backing-services/testing";
import {
  checkPublishing,
  checkRelaying,
  createFollower,
  createFrameAppender,
  createKeys,
  createPublisher,
  type Follower,
  readLog,
} from "@boocode/frame-log";
import {
  connectRedis,
  connectRedisSubscriber,
  type Redis,
  type RedisSubscriber,
  untilRedisReady,
} from "@boocode/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";

const keys = createKeys("test");
const epoch = { ordinal: 1, attempt: 1, nonce: "n" };
/** Enough sessions that every master has some. */
const SESSIONS = Array.from({ length: 20 }, (_, i) => `session-${i}`);

let cluster: RedisCluster;
let redis: Redis;
let subscriber: RedisSubscriber;
let follower: Follower;
let heard: string[] = [];
let gaps = 0;

beforeAll(async () => {
  cluster = await startRedisCluster(3, 1);
  redis = connectRedis(cluster.url);
  subscriber = connectRedisSubscriber(cluster.url);
  await Promise.all([untilRedisReady(redis, 10_000), untilRedisReady(subscriber, 10_000)]);
  follower = createFollower(subscriber, {
    onMessage: (channel, bytes) => heard.push(`${channel} ${bytes.split("\n")[0]}`),
    onGap: () => {
      gaps += 1;
    },
  });
  for (const id of SESSIONS) await follower.follow(keys.session(id));
});
afterAll(async () => {
  follower.stop();
  subscriber.disconnect();
  redis.disconnect();
  await cluster.stop();
});

/** The node to which the subscriber is connected now. */
const subscribed = () =>
  cluster.nodes.find(
    ({ url }) => new URL(url).port === String((subscriber.stream as { remotePort?: number }).remotePort),
  );

/** Appends a frame and publishes a change in each session. @returns what the subscriber receives, by session and in order */
async function speak(seq: number): Promise<void> {
  heard = [];
  const [appender, publisher] = [
    createFrameAppender(redis, keys, { entries: 10, ttlMs: 60_000, endedTtlMs: 60_000 }),
    createPublisher(redis, keys),
  ];
  await Promise.all(
    SESSIONS.map(async (session_id) => {
      await appender.append(session_id, epoch, [{ seq, frame: {} }]);
      for (const version of [1, 2, 3]) {
        await publisher.toSession({ type: "session_renamed", session_id, version, name: "n", auto_named: false });
      }
      await appender.append(session_id, epoch, [{ seq: seq + 1, frame: {} }]);
    }),
  );
  await expect.poll(() => heard.length, { timeout: 10_000 }).toBe(SESSIONS.length * 5);
  for (const id of SESSIONS) {
    const channel = keys.session(id);
    const ofSession = heard
      .filter((line) => line.startsWith(`${channel} `))
      .map((line) => line.slice(channel.length + 1));
    expect(ofSession).toEqual([`1.1.n.${seq}`, "v1", "v2", "v3", `1.1.n.${seq + 1}`]);
  }
}

test("frames and changes of sessions in all slots are logged, and arrive in the order of each session", async () => {
  await Promise.all([checkPublishing(redis, keys), checkRelaying(redis, keys)]);
  await speak(1);
  for (const id of SESSIONS) expect(await readLog(redis, keys, id, epoch, 1)).toHaveLength(2);
});

test("a subscriber whose node dies moves to another, and reports the gap before anything new arrives", async () => {
  const node = subscribed();
  await node?.kill("SIGKILL");
  await expect.poll(() => gaps, { timeout: 10_000 }).toBe(1);
  expect(subscribed()).not.toBe(node);
  expect(follower.connected()).toBe(true);
  await node?.restart();
  const isBack = async () => Promise.all(SESSIONS.map((id) => redis.exists(keys.placeOf(id))));
  await expect.poll(isBack, { timeout: 20_000 }).toHaveLength(SESSIONS.length);
  await speak(11);
});

test("a subscriber whose node has left the cluster, and so receives nothing more, moves to another", async () => {
  const node = subscribed();
  const admin = connectRedis(node?.url ?? "");
  await untilRedisReady(admin, 5_000);
  // Until this node has been told otherwise, the others still count it as theirs.
  const id = String(await admin.call("CLUSTER", "MYID"));
  const before = gaps;
  await admin.call("CLUSTER", "RESET").catch(() => admin.flushall().then(() => admin.call("CLUSTER", "RESET")));
  admin.disconnect();
  for (const other of cluster.nodes.filter((each) => each !== node)) {
    const peer = connectRedis(other.url);
    await untilRedisReady(peer, 5_000);
    await peer.call("CLUSTER", "FORGET", id).catch(() => {});
    peer.disconnect();
  }
  await expect.poll(() => gaps, { timeout: 10_000 }).toBe(before + 1);
  expect(subscribed()).not.toBe(node);
});
