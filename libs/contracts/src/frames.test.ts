import { expect, test } from "vitest";
import { API_ERRORS, ErrorBody, TURN_ERRORS, TurnError } from "./errors.ts";
import { SessionFrame, StructuralFrame } from "./frames.ts";
import { CLOSE_CODES } from "./sockets.ts";
import { MessageComplete, TurnFrame } from "./turn-frames.ts";
import { isTerminal, TurnStatus } from "./turns.ts";
import { PublishedUserFrame, UserFrame } from "./user-frames.ts";

const id = "0b7fb2e1-7c3c-4a39-9d0e-54d5e6b0a6f1";
const place = { session_id: id, turn_id: id, attempt: 1, seq: 3, cursor: "1.1.n.3" };
const delta = { type: "delta", ...place, message_id: id, content: "hello" };

test("a delta has a seq within its epoch; a merged one also has its first seq", () => {
  expect(TurnFrame.parse(delta)).toEqual(delta);
  expect(TurnFrame.parse({ ...delta, first_seq: 2 })).toMatchObject({ first_seq: 2 });
  for (const wrong of [
    { seq: 0 },
    { seq: 1.5 },
    { attempt: 0 },
    { cursor: "x" },
    { turn_id: "t" },
    { content: null },
  ]) {
    expect(TurnFrame.safeParse({ ...delta, ...wrong }).success).toBe(false);
  }
});

test("a frame of an unknown type is rejected, and unknown fields of a known one are ignored", () => {
  expect(SessionFrame.safeParse({ ...delta, type: "delta2" }).success).toBe(false);
  expect(SessionFrame.parse({ ...delta, new_field: 1 })).toEqual(delta);
});

test("the status of a `message_complete` frame cannot be `streaming`", () => {
  const complete = { type: "message_complete", ...place, message_id: id, finish_reason: null, model: null };
  const counts = { tokens_used: null, ctx_used: null, ctx_max: null };
  expect(MessageComplete.safeParse({ ...complete, ...counts, status: "failed" }).success).toBe(true);
  expect(MessageComplete.safeParse({ ...complete, ...counts, status: "streaming" }).success).toBe(false);
});

test("structural frames carry the session's version and no position in a turn", () => {
  const renamed = { type: "session_renamed", session_id: id, version: 4, name: "n", auto_named: true };
  expect(StructuralFrame.parse(renamed)).toEqual(renamed);
  expect(StructuralFrame.safeParse({ ...renamed, version: 0 }).success).toBe(false);
  expect(TurnFrame.safeParse(renamed).success).toBe(false);
});

test("the gateway's own frames are sent to subscribers but never published", () => {
  const subscribed = { type: "subscribed", session_id: id, version: 0, cursor: "0.0.0.0" };
  expect(SessionFrame.parse(subscribed)).toEqual(subscribed);
  expect(TurnFrame.safeParse(subscribed).success || StructuralFrame.safeParse(subscribed).success).toBe(false);
  const snapshot = { type: "snapshot", version: 3 };
  expect(UserFrame.parse(snapshot)).toEqual(snapshot);
  expect(PublishedUserFrame.safeParse(snapshot).success).toBe(false);
});

test("each frame type is defined once", () => {
  const types = SessionFrame.options.map((option) => option.shape.type.value);
  expect(new Set(types).size).toBe(types.length);
  for (const type of ["turn_started", "message_started", "delta", "tool_call", "tool_result", "turn_finished"]) {
    expect(types).toContain(type);
  }
});

test("every error has an error status, and only 5xx, `session_busy` and `rate_limited` are retryable", () => {
  for (const [code, { status, retry }] of Object.entries(API_ERRORS)) {
    expect(status).toBeGreaterThanOrEqual(400);
    expect(retry).toBe(status >= 500 || code === "session_busy" || code === "rate_limited");
    expect(ErrorBody.safeParse({ error: { code, message: "m" } }).success).toBe(true);
  }
  expect(ErrorBody.safeParse({ error: { code: "teapot", message: "m" } }).success).toBe(false);
  for (const code of Object.keys(TURN_ERRORS)) expect(TurnError.safeParse({ code, message: "m" }).success).toBe(true);
});

test("close codes are unique, and are 1001, 1009 or in the range for applications", () => {
  const codes = Object.values(CLOSE_CODES).map(({ code }) => code);
  expect(new Set(codes).size).toBe(codes.length);
  for (const code of codes) expect(code === 1001 || code === 1009 || (code >= 4000 && code < 5000)).toBe(true);
});

test("three statuses of a turn are final", () => {
  expect(TurnStatus.options.filter(isTerminal)).toEqual(["complete", "failed", "cancelled"]);
});
