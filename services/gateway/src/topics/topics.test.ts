import { createKeys } from "@boocode/frame-log";
import { expect, test } from "vitest";
import type { Transport } from "../transports/transport.ts";
import { createTopics, type TopicsDeps } from "./topics.ts";
import { createUserSubscriber, type UserSubscriber } from "./user-topic.ts";

const keys = createKeys("t");
const limits = { behindBytes: 1e6, caughtUpBytes: 1e3, maxUnsentBytes: 1e7, behindTimeoutMs: 1e6 };

function topicsWith(userVersions: TopicsDeps["reads"]["userVersions"]) {
  const nothing = { turnsFrom: async () => null, log: async () => [], positions: async () => new Map() };
  const left: string[] = [];
  const follower = {
    follow: async () => {},
    leave: async (channel: string) => void left.push(channel),
    connected: () => true,
  };
  const topics = createTopics({ follower, keys, limits, reads: { ...nothing, userVersions }, onError: () => {} });
  return { topics, left };
}

function newSubscriber(): UserSubscriber & { sent: { type: string; version: number }[] } {
  const sent: { type: string; version: number }[] = [];
  const transport: Transport = {
    send: (json) => void sent.push(JSON.parse(json.toString())),
    unsent: () => 0,
    close: () => {},
    terminate: () => {},
  };
  return { ...createUserSubscriber(transport, null), sent };
}

test("a subscriber that joins a user's topic while the only other one leaves is served", async () => {
  let answer = (_: Map<string, number>) => {};
  const { topics, left } = topicsWith(
    () =>
      new Promise((resolve) => {
        answer = resolve;
      }),
  );
  const watch = async (one: UserSubscriber) => {
    const watching = topics.watchUser("u", one);
    await new Promise(setImmediate);
    return { watching, welcome: () => answer(new Map([["u", 3]])) };
  };
  const first = await watch(newSubscriber());
  first.welcome();
  const leaveFirst = await first.watching;
  const newcomer = newSubscriber();
  const second = await watch(newcomer);
  leaveFirst();
  // Must not be sent: the client would receive version 3 before the `subscribed` frame that states it.
  topics.receive(keys.user("u"), 'v3\n{"type":"project_updated","version":3}');
  second.welcome();
  const leaveSecond = await second.watching;
  topics.receive(keys.user("u"), 'v4\n{"type":"project_updated","version":4}');
  expect(newcomer.sent).toEqual([
    { type: "subscribed", version: 3 },
    { type: "project_updated", version: 4 },
  ]);
  leaveSecond();
  expect([topics.watched(), left]).toEqual([0, [keys.user("u")]]);
});

test("a user's topic is dropped when the version of the lists cannot be read", async () => {
  const { topics, left } = topicsWith(() => Promise.reject(new Error("away")));
  await expect(topics.watchUser("u", newSubscriber())).rejects.toThrow("away");
  expect([topics.watched(), left]).toEqual([0, [keys.user("u")]]);
});
