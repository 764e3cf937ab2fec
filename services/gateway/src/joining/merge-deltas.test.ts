import fc from "fast-check";
import { expect, test } from "vitest";
import { mergeDeltas } from "./merge-deltas.ts";
import type { Logged } from "./plan-join.ts";

const epoch = { ordinal: 1, attempt: 1, nonce: "a" };

const frames = fc
  .array(
    fc.record({
      type: fc.constantFrom("delta", "reasoning_delta", "tool_call"),
      message_id: fc.constantFrom("m1", "m2"),
      content: fc.string({ maxLength: 20 }),
    }),
    { maxLength: 30 },
  )
  .map((bodies) =>
    bodies.map(({ type, ...rest }, index): Logged & { type: string } => ({
      type,
      position: { epoch, seq: index + 1 },
      json: JSON.stringify({ type, seq: index + 1, ...rest }),
    })),
  );

const fold = (list: readonly { json: string }[]) => {
  const texts: Record<string, string> = {};
  for (const { json } of list) {
    const frame = JSON.parse(json) as { type: string; message_id: string; content: string };
    texts[`${frame.type} ${frame.message_id}`] = (texts[`${frame.type} ${frame.message_id}`] ?? "") + frame.content;
  }
  return texts;
};

test("merged frames have the same text, cover every seq once, and end at the last seq", () => {
  fc.assert(
    fc.property(frames, (list) => {
      const merged = mergeDeltas(list);
      expect(fold(merged)).toEqual(fold(list));
      let next = 1;
      for (const { json, position } of merged) {
        const frame = JSON.parse(json) as { seq: number; first_seq?: number };
        expect(frame.first_seq ?? frame.seq).toBe(next);
        expect(frame.seq).toBe(position.seq);
        next = frame.seq + 1;
      }
      expect(next).toBe(list.length + 1);
    }),
  );
});

test("only consecutive deltas of one message and one kind are merged; every other frame stays identical byte for byte", () => {
  const list = ["delta", "delta", "tool_call", "delta"].map((type, index) => ({
    position: { epoch, seq: index + 1 },
    json: JSON.stringify({ type, message_id: "m", seq: index + 1, content: "x" }),
  }));
  const merged = mergeDeltas(list);
  expect(merged.map(({ position }) => position.seq)).toEqual([2, 3, 4]);
  expect(merged[1]?.json).toBe(list[2]?.json);
  expect(merged[2]?.json).toBe(list[3]?.json);
});

test("a merged frame stays below the frame limit", () => {
  const list = Array.from({ length: 50 }, (_, index) => ({
    position: { epoch, seq: index + 1 },
    json: JSON.stringify({ type: "delta", message_id: "m", seq: index + 1, content: "x".repeat(1_000) }),
  }));
  const merged = mergeDeltas(list);
  expect(merged.length).toBeGreaterThan(1);
  for (const { json } of merged) expect(json.length).toBeLessThan(64 * 1024);
});
