import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeFrame } from "./encode-frame.ts";
import { MAX_FRAME_BYTES, SessionFrame } from "./frames.ts";
import { listDeletedIds, MAX_DELETED_IDS } from "./messages.ts";

const id = "0b7fb2e1-7c3c-4a39-9d0e-54d5e6b0a6f1";
const place = { session_id: id, turn_id: id, attempt: 1, seq: 3, cursor: "1.1.n.3", message_id: id };
const structure = { session_id: id, version: 4 };
const moment = "2026-01-01T00:00:00.000Z";
const message = {
  ...{ id, session_id: id, turn_id: id, turn_ordinal: 1, position: 0, role: "user", status: "complete" },
  ...{ reasoning: null, tool_calls: null, tool_result: null, finish_reason: null, error: null, model: null },
  ...{ tokens_used: null, ctx_used: null, ctx_max: null, created_at: moment, started_at: null, finished_at: null },
};

/** Texts between empty and longer than a frame, of characters that take one to six bytes. */
const anyText = fc
  .tuple(
    fc.array(fc.constantFrom("a", '"', "\\", "\n", "\u0001", "\u007f", "ä", "\u2028", "日", "😀", "\ud83d", "\ude00"), {
      minLength: 1,
      maxLength: 12,
    }),
    fc.nat(80_000),
  )
  .map(([units, length]) => units.join("").repeat(length / units.length));

const counts = { tokens_used: null, ctx_used: null, ctx_max: null };
const frames: Record<string, (a: string, b: string) => { [key: string]: unknown; type: string }> = {
  "a tool's result": (output) => ({ ...toolResult, output, error: null }),
  "a failed tool's result": (output, error) => ({ ...toolResult, output, error }),
  "a result of a tool with a long name": (output, name) => ({ ...toolResult, output, name, error: null }),
  "a tool call": (name, text) => ({
    ...{ type: "tool_call", ...place, tool_call: { id: "c", name, arguments: { text } } },
  }),
  "a posted message": (content) => ({ type: "message_posted", ...structure, message: { ...message, content } }),
  "an error": (text) => ({ type: "error", ...place, code: "model_error", message: text }),
  "the end of a message": (finish_reason, model) => ({
    ...{ type: "message_complete", ...place, ...counts, status: "complete", finish_reason, model },
  }),
  "the beginning of a message": (model) => ({
    ...{ type: "message_started", ...place, turn_ordinal: 1, position: 1, role: "assistant", model },
  }),
  "a model that loads": (model) => ({ type: "model_loading", ...place, model, cause: "told" }),
};
const toolResult = { type: "tool_result", ...place, position: 2, tool_call_id: "c", name: "grep", truncated: false };

test.each(Object.keys(frames))("%s takes at most 64 KiB, and is not cut if it fits", (kind) => {
  fc.assert(
    fc.property(anyText, anyText, (a, b) => {
      const frame = frames[kind]?.(a, b) ?? { type: kind };
      const whole = JSON.stringify(frame);
      const json = encodeFrame(frame);
      expect(Buffer.byteLength(json)).toBeLessThanOrEqual(MAX_FRAME_BYTES);
      if (Buffer.byteLength(whole) <= MAX_FRAME_BYTES) {
        expect(json === whole).toBe(true);
        return;
      }
      const read = JSON.parse(json);
      expect(SessionFrame.safeParse(read).error).toBeUndefined();
      if (["tool_result", "tool_call", "message_posted"].includes(frame.type))
        expect(read.shortened ?? read.message.shortened).toBe(true);
    }),
    { numRuns: 60 },
  );
  expect(listDeletedIds(Array<string>(32_001).fill(id))).toEqual([]);
});

test.each(["a tool's result", "a failed tool's result", "a posted message", "an error"])(
  "%s that is cut leaves less than one character of its frame unused",
  (kind) => {
    fc.assert(
      fc.property(anyText, anyText, (a, b) => {
        const frame = frames[kind]?.(a, b) ?? {};
        if (Buffer.byteLength(JSON.stringify(frame)) <= MAX_FRAME_BYTES) return;
        expect(Buffer.byteLength(encodeFrame(frame))).toBeGreaterThan(MAX_FRAME_BYTES - 12);
      }),
      { numRuns: 60 },
    );
  },
);

test("a short error stays whole beside a long output, and two long texts get half each", () => {
  const long = "x".repeat(100_000);
  const short = JSON.parse(encodeFrame({ ...toolResult, output: long, error: "no such file" }));
  expect([short.error, short.output.length > 65_000]).toEqual(["no such file", true]);
  const both = JSON.parse(encodeFrame({ ...toolResult, output: long, error: long }));
  expect(Math.abs(both.output.length - both.error.length)).toBeLessThanOrEqual(1);
});

test("the arguments of a tool call are sent whole up to the limit and left out above it", () => {
  const call = (text: string) => ({
    type: "tool_call",
    ...place,
    tool_call: { id: "c", name: "n", arguments: { text } },
  });
  const room = MAX_FRAME_BYTES - Buffer.byteLength(JSON.stringify(call("")));
  expect(JSON.parse(encodeFrame(call("x".repeat(room))))).toEqual(call("x".repeat(room)));
  expect(JSON.parse(encodeFrame(call("x".repeat(room + 1))))).toEqual({
    ...call(""),
    tool_call: { id: "c", name: "n", arguments: {} },
    shortened: true,
  });
});

test("a frame about deleted messages takes at most 64 KiB, and several frames list all ids", () => {
  const range = { from: { turn_ordinal: 2_147_483_647, position: 2_147_483_647 }, through_turn: 2_147_483_647 };
  const deleted = { type: "messages_deleted", session_id: id, version: Number.MAX_SAFE_INTEGER, range };
  fc.assert(
    fc.property(fc.oneof(fc.nat(3_000), fc.constantFrom(MAX_DELETED_IDS, MAX_DELETED_IDS + 1, 21_000)), (count) => {
      const ids = Array<string>(count).fill(id);
      const frames = listDeletedIds(ids).map((listed) => ({ ...deleted, message_ids: listed }));
      expect(frames.flatMap((frame) => frame.message_ids)).toEqual(ids);
      for (const frame of frames) {
        expect(encodeFrame(frame)).toBe(JSON.stringify(frame));
        expect(Buffer.byteLength(encodeFrame(frame))).toBeLessThanOrEqual(MAX_FRAME_BYTES);
      }
      const json = encodeFrame({ ...deleted, message_ids: ids });
      expect(Buffer.byteLength(json)).toBeLessThanOrEqual(MAX_FRAME_BYTES);
      const read = SessionFrame.parse(JSON.parse(json));
      expect(read).toMatchObject({ range });
      expect([0, count]).toContain("message_ids" in read && read.message_ids.length);
    }),
    { numRuns: 60 },
  );
  expect(listDeletedIds(Array<string>(32_001).fill(id))).toEqual([]);
});

test("a frame of an unknown type is encoded as it is", () => {
  const frame = { type: "sparkle", ...place, text: "x".repeat(100_000) };
  expect(encodeFrame(frame)).toBe(JSON.stringify(frame));
});
