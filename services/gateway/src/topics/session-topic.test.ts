import type { Turn } from "@boocode/contracts";
import type { TurnSnapshot } from "@boocode/store";
import { expect, test } from "vitest";
import type { Transport } from "../transports/transport.ts";
import { createSessionTopic } from "./session-topic.ts";
import { createSubscriber } from "./subscriber.ts";

const epoch = { ordinal: 1, attempt: 1, nonce: "a" };
const limits = { behindBytes: 1e6, caughtUpBytes: 1e3, maxUnsentBytes: 1e7, behindTimeoutMs: 1e6 };

function turn(status: Turn["status"], lastSeq: number): TurnSnapshot {
  const facts = { id: "t", session_id: "s", ordinal: 1, attempt: 1, cancel_reason: null, error: null };
  const times = { created_at: "", started_at: null, finished_at: null };
  return { epoch, lastSeq, hasDeletions: false, messages: [], turn: { ...facts, ...times, status } };
}

test("a subscription that is lost while a pass reads makes its subscribers join once more", async () => {
  const sent: { type: string; turn?: Turn }[] = [];
  const transport: Transport = {
    send: (json) => sent.push(JSON.parse(json.toString())),
    unsent: () => 0,
    close: () => {},
    terminate: () => {},
  };
  // The turn ends while the connection is away: the first read is too early for it, and nobody publishes its end again.
  const answers = [turn("running", 2), turn("complete", 5)];
  let lose = () => {};
  let told = () => {};
  const ended = new Promise<void>((resolve) => {
    told = resolve;
  });
  const topic = createSessionTopic({
    sessionId: "s",
    limits,
    reads: {
      async turnsFrom() {
        const next = answers.shift() as TurnSnapshot;
        if (answers.length === 1) lose();
        return { version: 1, turns: [next] };
      },
      log: async () => [],
    },
    pause: async () => {},
    onCatchUpFailed: (error) => {
      throw error;
    },
  });
  lose = () => topic.gap();
  topic.add(
    createSubscriber(
      {
        ...transport,
        send(json, id) {
          transport.send(json, id);
          if (sent.at(-1)?.turn?.status === "complete") told();
        },
      },
      null,
    ),
  );
  await ended;
  expect(sent.map((frame) => frame.type)).toEqual(["subscribed", "snapshot", "snapshot"]);
});

test("the first check that finds a turn taken over makes its subscribers join, though nobody has spoken yet", async () => {
  const sent: { type: string; turn?: Turn }[] = [];
  let told = () => {};
  const shown = new Promise<void>((resolve) => {
    told = resolve;
  });
  const transport: Transport = {
    send(json) {
      sent.push(JSON.parse(json.toString()));
      if (sent.at(-1)?.turn?.attempt === 2) told();
    },
    unsent: () => 0,
    close: () => {},
    terminate: () => {},
  };
  const first = turn("running", 2);
  const second = { ...first, epoch: { ordinal: 1, attempt: 2, nonce: "b" }, lastSeq: 0 };
  const answers = [first, { ...second, turn: { ...first.turn, attempt: 2 } }];
  const topic = createSessionTopic({
    sessionId: "s",
    limits,
    reads: {
      turnsFrom: async () => ({ version: 1, turns: [answers.shift() as TurnSnapshot] }),
      log: async () => [],
    },
    pause: async () => {},
    onCatchUpFailed: (error) => {
      throw error;
    },
  });
  const subscriber = createSubscriber(transport, null);
  topic.add(subscriber);
  while (subscriber.state.mode !== "live") await new Promise((resolve) => setImmediate(resolve));
  const position = { session_id: "s", version: 1 };
  topic.check({ ...position, turn: { ...epoch, last_seq: 2, ended: false } }, false);
  expect(subscriber.state.mode).toBe("live");
  topic.check({ ...position, turn: { ...second.epoch, last_seq: 0, ended: false } }, false);
  await shown;
});
