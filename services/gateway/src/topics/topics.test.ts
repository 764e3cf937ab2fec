import { createKeys } from "@boocode/frame-log";
import type { ListVersion, ListVersions } from "@boocode/store";
import { expect, test, vi } from "vitest";
import type { Transport } from "../transports/transport.ts";
import { createSubscriber } from "./subscriber.ts";
import { createTopics, type TopicsDeps } from "./topics.ts";
import { createUserSubscriber, type UserSubscriber } from "./user-topic.ts";

const keys = createKeys("t");
const limits = { behindBytes: 1e6, caughtUpBytes: 1e3, maxUnsentBytes: 1e7, behindTimeoutMs: 1e6 };

function topicsWith(
  lists: TopicsDeps["reads"]["lists"],
  stored: () => ListVersion = () => ({ total: 0, user: 0 }),
  more: Partial<TopicsDeps["reads"]> = {},
) {
  const nothing = {
    ...{ turnsFrom: async () => null, log: async () => [], positions: async () => new Map() },
    ...{ unreadable: async () => [], waiting: async () => [] },
  };
  const followed = new Set<string>();
  const follower = {
    follow: async (channel: string) => void followed.add(channel),
    leave: async (channel: string) => void followed.delete(channel),
    connected: () => true,
  };
  const listVersions = async (ids: string[]) => new Map(ids.map((id) => [id, stored()]));
  const reads = { ...nothing, lists, listVersions, ...more };
  const topics = createTopics({ follower, keys, limits, reads, onError: () => {} });
  return { topics, followed };
}

type Sent = { type: string; version: number };

function newSubscriber(cursor: number | null = null): UserSubscriber & { sent: Sent[] } {
  const sent: Sent[] = [];
  const transport: Transport = {
    send: (json) => void sent.push(JSON.parse(json.toString())),
    relay: () => {},
    unsent: () => 0,
    close: () => {},
    terminate: () => {},
  };
  return { ...createUserSubscriber(transport, cursor), sent };
}

const lists = (user: number, projects: Record<string, number> = {}): ListVersions => ({
  total: user + Object.values(projects).reduce((sum, version) => sum + version, 0),
  user,
  projects: Object.entries(projects).map(([id, version]) => ({ id, version })),
});
const change = (type: string, version: number) => `v${version}\n${JSON.stringify({ type, version })}`;

test("a subscriber that joins a user's topic while the only other one leaves is served", async () => {
  const answers: ((versions: ListVersions) => void)[] = [];
  const { topics, followed } = topicsWith(() => new Promise((resolve) => answers.push(resolve)));
  const read = () => vi.waitFor(() => answers.shift() ?? expect.fail("nothing is read"), 10_000);
  const first = topics.watchUser("u", newSubscriber());
  (await read())(lists(3));
  const leaveFirst = await first;
  const newcomer = newSubscriber();
  const second = topics.watchUser("u", newcomer);
  leaveFirst();
  // Sent after `subscribed`, which states an older version.
  topics.receive(keys.user("u"), change("project_updated", 4));
  expect(newcomer.sent).toEqual([]);
  (await read())(lists(3));
  const leaveSecond = await second;
  topics.receive(keys.user("u"), change("project_updated", 5));
  expect(newcomer.sent.at(0)?.type).toBe("subscribed");
  expect(newcomer.sent.at(-1)).toEqual({ type: "project_updated", version: 5 });
  leaveSecond();
  expect([topics.watched(), followed.size]).toEqual([0, 0]);
});

test("a user's topic is dropped when the versions of the lists cannot be read", async () => {
  const { topics, followed } = topicsWith(() => Promise.reject(new Error("away")));
  await expect(topics.watchUser("u", newSubscriber())).rejects.toThrow("away");
  expect([topics.watched(), followed.size]).toEqual([0, 0]);
});

test("a subscriber receives the changes of the user's own list and of each project's as one sequence", async () => {
  const { topics, followed } = topicsWith(async () => lists(2, { p: 5, q: 0 }));
  const [one, same, older] = [newSubscriber(), newSubscriber(7), newSubscriber(6)];
  for (const subscriber of [one, same, older]) await topics.watchUser("u", subscriber);
  expect([...followed].sort()).toEqual([keys.project("p"), keys.project("q"), keys.user("u")].sort());
  expect([one, same, older].map(({ sent }) => sent.map(({ type }) => type))).toEqual([
    ["subscribed"],
    ["subscribed"],
    ["subscribed", "snapshot"],
  ]);
  topics.receive(keys.project("p"), change("session_updated", 6));
  topics.receive(keys.project("q"), change("session_created", 1));
  topics.receive(keys.user("u"), change("project_updated", 3));
  expect(one.sent.slice(1)).toEqual([
    { type: "session_updated", version: 8 },
    { type: "session_created", version: 9 },
    { type: "project_updated", version: 10 },
  ]);
});

test("a project that is shared is followed, one that is no longer shared is left, and both make the client reload", async () => {
  let stored = lists(1, { p: 0 });
  const { topics, followed } = topicsWith(async () => stored);
  const subscriber = newSubscriber();
  await topics.watchUser("u", subscriber);
  stored = lists(2, { p: 0, shared: 9 });
  topics.receive(keys.user("u"), change("project_created", 2));
  await vi.waitFor(() => expect(subscriber.sent.at(-1)).toEqual({ type: "snapshot", version: 11 }), 10_000);
  expect(followed.has(keys.project("shared"))).toBe(true);
  stored = lists(12, { p: 0 });
  topics.receive(keys.user("u"), change("project_deleted", 12));
  await vi.waitFor(() => expect(subscriber.sent.at(-1)).toEqual({ type: "snapshot", version: 12 }), 10_000);
  expect(followed.has(keys.project("shared"))).toBe(false);
});

test("a removal from a project whose frame is lost is found, although later changes of the project make up for it", async () => {
  let stored = lists(1, { p: 3 });
  const { topics, followed } = topicsWith(
    async () => stored,
    () => stored,
  );
  const subscriber = newSubscriber();
  await topics.watchUser("u", subscriber);
  stored = lists(5);
  topics.receive(keys.project("p"), change("session_updated", 4));
  await topics.check();
  await topics.check();
  await vi.waitFor(() => expect(subscriber.sent.at(-1)).toEqual({ type: "snapshot", version: 5 }), 10_000);
  expect(followed.has(keys.project("p"))).toBe(false);
});

test("a change whose frame is lost makes the client reload at the second check that finds it", async () => {
  let stored = lists(1, { p: 3 });
  const { topics } = topicsWith(
    async () => stored,
    () => stored,
  );
  const subscriber = newSubscriber();
  await topics.watchUser("u", subscriber);
  await topics.check();
  stored = lists(1, { p: 4 });
  await topics.check();
  expect(subscriber.sent).toHaveLength(1);
  await topics.check();
  await vi.waitFor(() => expect(subscriber.sent.at(-1)).toEqual({ type: "snapshot", version: 5 }), 10_000);
  topics.receive(keys.project("p"), change("session_updated", 5));
  expect(subscriber.sent.at(-1)).toEqual({ type: "session_updated", version: 6 });
});

test("what queued turns wait for is read once for all sessions, and sent to a subscriber only when it has changed", async () => {
  const asked: string[][] = [];
  let ahead = 3;
  let queued = ["s1", "s2"];
  const { topics } = topicsWith(async () => lists(0), undefined, {
    turnsFrom: async () => ({ version: 1, turns: [] }),
    positions: async (watched) =>
      new Map(
        watched.map(({ id }) => {
          const isLive = queued.includes(id);
          return [id, { session_id: id, version: 1, turn: null, is_live: isLive, has_queued: isLive }];
        }),
      ),
    async waiting(ids) {
      asked.push(ids);
      return ids.map((id) => ({ session_id: id, turn_id: `t ${id}`, reason: "worker" as const, ahead }));
    },
  });
  const follow = async (sessionId: string) => {
    const { sent, transport } = newSubscriber();
    const subscriber = createSubscriber(transport, "u", null);
    topics.watchSession(sessionId, subscriber);
    await vi.waitFor(() => expect(subscriber.state.mode).toBe("live"));
    return () => sent.filter(({ type }) => type === "turns_waiting");
  };
  const [first, second, third] = [await follow("s1"), await follow("s2"), await follow("s3")];
  await topics.check();
  await topics.check();
  expect(asked).toEqual([
    ["s1", "s2"],
    ["s1", "s2"],
  ]);
  const frame = (sessionId: string) => ({
    ...{ type: "turns_waiting", session_id: sessionId },
    turns: [{ turn_id: `t ${sessionId}`, reason: "worker", ahead }],
  });
  expect([first(), second(), third()]).toEqual([[frame("s1")], [frame("s2")], []]);
  const late = await follow("s1");
  await topics.check();
  expect([first().length, late()]).toEqual([1, [frame("s1")]]);
  ahead = 2;
  await topics.check();
  expect(first().at(-1)).toEqual(frame("s1"));
  asked.length = 0;
  queued = [];
  await topics.check();
  expect(asked).toEqual([]);
});

test("a gateway without subscribers asks Postgres nothing, and a quiet session keeps the position that was read last", async () => {
  const asked: unknown[] = [];
  const position = { session_id: "s", version: 1, turn: null, is_live: false, has_queued: false };
  const { topics } = topicsWith(async () => lists(0), undefined, {
    turnsFrom: async () => ({ version: 1, turns: [] }),
    async positions(watched) {
      asked.push(watched.map(({ last }) => last));
      return asked.length === 1 ? new Map([["s", position]]) : new Map();
    },
    listVersions: () => expect.fail("no lists are followed"),
  });
  await topics.check();
  expect(asked).toEqual([]);
  const subscriber = createSubscriber(newSubscriber().transport, "u", null);
  const leave = topics.watchSession("s", subscriber);
  await topics.check();
  await topics.check();
  expect(asked).toEqual([[null], [position]]);
  expect(topics.watched()).toBe(1);
  leave();
  await topics.check();
  expect(asked).toHaveLength(2);
});

test("the access of those who joined is checked once, and then only that of users for whom it changed, unless all are asked for", async () => {
  const asked: string[][] = [];
  const { topics } = topicsWith(async () => lists(0), undefined, {
    turnsFrom: async () => ({ version: 1, turns: [] }),
    async unreadable(followed) {
      asked.push(followed.map(({ userId, sessionId }) => `${userId} ${sessionId}`));
      return [];
    },
  });
  for (const [userId, sessionId] of [
    ["ada", "s1"],
    ["ada", "s2"],
    ["bob", "s1"],
  ] as const)
    topics.watchSession(sessionId, createSubscriber(newSubscriber().transport, userId, null));
  await topics.checkAccess(new Set());
  await topics.checkAccess(new Set());
  await topics.checkAccess(new Set(["bob"]));
  await topics.checkAccess(null);
  expect(asked).toEqual([["ada s1", "ada s2", "bob s1"], ["bob s1"], ["ada s1", "bob s1", "ada s2"]]);
});
