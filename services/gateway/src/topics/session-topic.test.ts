import type { CloseReason, Turn } from "@boocode/contracts";
import type { TurnSnapshot } from "@boocode/store";
import { expect, test, vi } from "vitest";
import { createSessionTopic, type SessionTopicDeps } from "./session-topic.ts";
import { createSubscriber } from "./subscriber.ts";

const epoch = { ordinal: 1, attempt: 1, nonce: "a" };
const limits = { behindBytes: 1e6, caughtUpBytes: 1e3, maxUnsentBytes: 1e7, behindTimeoutMs: 1e6 };

function turn(status: Turn["status"], lastSeq: number): TurnSnapshot {
  const facts = { id: "t", session_id: "s", ordinal: 1, attempt: 1, cancel_reason: null, error: null };
  const times = { created_at: "", started_at: null, finished_at: null };
  return { epoch, lastSeq, hasDeletions: false, isCut: false, messages: [], turn: { ...facts, ...times, status } };
}

/** A topic whose log is empty, and which reads turns with `turnsFrom`. */
function topicOver(turnsFrom: SessionTopicDeps["reads"]["turnsFrom"]) {
  return createSessionTopic({
    sessionId: "s",
    limits,
    reads: { turnsFrom, log: async () => [] },
    pause: async () => {},
    onCatchUpFailed: (error) => {
      throw error;
    },
  });
}

/** A subscriber without a cursor, whose socket records everything that is sent to it. */
function newSubscriber() {
  const sent: { type: string; turn?: Turn }[] = [];
  const closed: CloseReason[] = [];
  const subscriber = createSubscriber(
    {
      send: (json) => void sent.push(JSON.parse(json.toString())),
      relay: (batch, from, to) => void sent.push(...batch.frames.slice(from, to).map(({ json }) => JSON.parse(json))),
      unsent: () => 0,
      close: (reason) => void closed.push(reason),
      terminate: () => {},
    },
    "u",
    null,
  );
  return { subscriber, sent, closed };
}

test("subscribers join again when the subscription is lost during the read of a catch-up", async () => {
  const { subscriber, sent } = newSubscriber();
  // The turn ends while the subscription is lost: the first read is too early to include the end, which is not published again.
  const answers = [turn("running", 2), turn("complete", 5)];
  const topic = topicOver(async () => {
    const next = answers.shift() as TurnSnapshot;
    if (answers.length === 1) topic.gap();
    return { version: 1, turns: [next] };
  });
  topic.add(subscriber);
  await vi.waitFor(() => expect(sent.at(-1)?.turn?.status).toBe("complete"));
  expect(sent.map((frame) => frame.type)).toEqual(["subscribed", "snapshot", "snapshot"]);
});

test("the next turn of a watched session is followed without a read, and one whose beginning was lost is read", async () => {
  const { subscriber, sent } = newSubscriber();
  let reads = 0;
  const topic = topicOver(async () => {
    reads += 1;
    return { version: 1, turns: reads === 1 ? [] : [turn("running", 2)] };
  });
  topic.add(subscriber);
  await vi.waitFor(() => expect(subscriber.state.mode).toBe("live"));
  const publish = (ordinal: number, seq: number, type: string) =>
    topic.receive({
      kind: "turn",
      position: { epoch: { ...epoch, ordinal }, seq },
      json: JSON.stringify({ type }),
    });
  for (const ordinal of [1, 2, 3]) {
    publish(ordinal, 1, "turn_started");
    publish(ordinal, 2, "turn_finished");
  }
  const turns = ["turn_started", "turn_finished"];
  await vi.waitFor(() => expect(sent.map(({ type }) => type)).toEqual(["subscribed", ...turns, ...turns, ...turns]));
  expect([reads, subscriber.state.mode]).toEqual([1, "live"]);
  publish(4, 2, "delta");
  await vi.waitFor(() => expect(reads).toBe(2));
});

test("the first check that finds a turn taken over makes its subscribers join again, even before the new attempt has a frame", async () => {
  const { subscriber, sent } = newSubscriber();
  const first = turn("running", 2);
  const second = { ...first, epoch: { ordinal: 1, attempt: 2, nonce: "b" }, lastSeq: 0 };
  const answers = [first, { ...second, turn: { ...first.turn, attempt: 2 } }];
  const topic = topicOver(async () => ({ version: 1, turns: [answers.shift() as TurnSnapshot] }));
  topic.add(subscriber);
  await vi.waitFor(() => expect(subscriber.state.mode).toBe("live"));
  const position = { session_id: "s", version: 1, is_live: true, has_queued: false };
  topic.check({ ...position, turn: { ...epoch, last_seq: 2, ended: false } }, false);
  expect(subscriber.state.mode).toBe("live");
  topic.check({ ...position, turn: { ...second.epoch, last_seq: 0, ended: false } }, false);
  await vi.waitFor(() => expect(sent.at(-1)?.turn?.attempt).toBe(2));
});

test("one check that finds the session deleted closes its subscribers, and nothing is sent to them afterwards", async () => {
  const { subscriber, sent, closed } = newSubscriber();
  const topic = topicOver(async () => ({ version: 1, turns: [turn("running", 2)] }));
  topic.add(subscriber);
  await vi.waitFor(() => expect(subscriber.state.mode).toBe("live"));
  const before = sent.length;
  topic.check(null, false);
  topic.receive({ kind: "turn", position: { epoch, seq: 3 }, json: '{"type":"delta"}' });
  topic.receive({ kind: "structure", version: 2, json: '{"type":"session_renamed"}' });
  expect([closed, sent.length]).toEqual([["not_found"], before]);
});
