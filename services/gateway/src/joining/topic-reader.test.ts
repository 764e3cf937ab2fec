import { MAX_SNAPSHOT_OUTPUT_BYTES } from "@boocode/contracts";
import type { TurnSnapshot } from "@boocode/store";
import { expect, test } from "vitest";
import { createTopicReader } from "./topic-reader.ts";

const EPOCH = { ordinal: 1, attempt: 1, nonce: "a" };
const TTL_MS = 10_000;

function aTurn(output: string): TurnSnapshot {
  const messages = [{ role: "tool", content: output }] as TurnSnapshot["messages"];
  return {
    epoch: EPOCH,
    lastSeq: 5,
    hasDeletions: false,
    isCut: false,
    messages,
    turn: { status: "complete" } as TurnSnapshot["turn"],
  };
}

function setUp(output = "found") {
  let reads = 0;
  const reader = createTopicReader("s", {
    async turnsFrom() {
      reads += 1;
      return { version: 1, turns: [aTurn(output)] };
    },
    log: async () => [],
  });
  return { reader, reads: () => reads };
}

test("subscribers that join within the TTL share one read, which is dropped when the TTL is over", async () => {
  const { reader, reads } = setUp();
  await reader.read([null]);
  reader.sweep(performance.now());
  await reader.read([null]);
  expect(reads()).toBe(1);
  reader.sweep(performance.now() + TTL_MS);
  await reader.read([null]);
  expect(reads()).toBe(2);
});

test("a cached read holds no more of a long tool output than a snapshot shows", async () => {
  const state = await setUp("x".repeat(200_000)).reader.read([null]);
  const frame = state?.turns[0]?.snapshot() as { messages: { content: string; shortened?: boolean }[] };
  expect(frame.messages).toEqual([{ role: "tool", content: "x".repeat(MAX_SNAPSHOT_OUTPUT_BYTES), shortened: true }]);
});
