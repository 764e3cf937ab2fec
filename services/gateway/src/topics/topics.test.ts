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

function subscriber(): UserSubscriber & { told: { type: string; version: number }[] } {
  const told: { type: string; version: number }[] = [];
  const transport: Transport = {
    send: (json) => void told.push(JSON.parse(json.toString())),
    unsent: () => 0,
    close: () => {},
    terminate: () => {},
  };
  return { ...createUserSubscriber(transport, null), told };
}

test("who comes to a user's channel while the last other one leaves it is served", async () => {
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
  const first = await watch(subscriber());
  first.welcome();
  const leaveFirst = await first.watching;
  const newcomer = subscriber();
  const second = await watch(newcomer);
  leaveFirst();
  // A frame that comes before the welcome would be ahead of the place that the welcome states.
  topics.receive(keys.user("u"), 'v3\n{"type":"project_updated","version":3}');
  second.welcome();
  const leaveSecond = await second.watching;
  topics.receive(keys.user("u"), 'v4\n{"type":"project_updated","version":4}');
  expect(newcomer.told).toEqual([
    { type: "subscribed", version: 3 },
    { type: "project_updated", version: 4 },
  ]);
  leaveSecond();
  expect([topics.watched(), left]).toEqual([0, [keys.user("u")]]);
});

test("a user's channel whose version cannot be read is not kept", async () => {
  const { topics, left } = topicsWith(() => Promise.reject(new Error("away")));
  await expect(topics.watchUser("u", subscriber())).rejects.toThrow("away");
  expect([topics.watched(), left]).toEqual([0, [keys.user("u")]]);
});
