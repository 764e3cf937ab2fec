import { afterAll, beforeAll, expect, test } from "vitest";
import { brokenInvariants, subscribersAgree, untilAllEnded } from "../harness/invariants.ts";
import { type System, startSystem, type User } from "../harness/start-system.ts";
import { closeAll, subscribersOf, type WatchedTurn, watchTurns } from "../harness/turns.ts";

let system: System;
let user: User;

beforeAll(async () => {
  system = await startSystem({
    apis: 1,
    workers: 2,
    gateways: 1,
    env: {
      ...{ MODEL_FIRST_BYTE_TIMEOUT_MS: "1500", MODEL_IDLE_TIMEOUT_MS: "1500", MODEL_RETRY_BUDGET_MS: "2000" },
      TURN_TIMEOUT_MS: "8000",
    },
  });
  user = await system.addUser("ada");
});
afterAll(() => system.stop());

async function ends(script: { tokens: number; [option: string]: unknown }) {
  const turns = await watchTurns(system, user, 2, script);
  await untilAllEnded(system, 40_000);
  expect(await subscribersAgree(system, subscribersOf(turns))).toEqual([]);
  expect(await brokenInvariants(system)).toEqual([]);
  const [turn] = turns as [WatchedTurn];
  const [row] = await system.sql<[{ status: string; error_code: string | null; error: string | null }]>`
    select status, error_code, error from turns where id = ${turn.turnId}`;
  const words = turn.subscriber.follower.view.messages.at(-1)?.content ?? "";
  // The session accepts the next message, whatever happened.
  const next = await user.rest.post(turn.sessionId, '[[script {"tokens":2,"mark":"attempt","key":"next"}]]');
  const view = await turn.subscriber.untilEnded(next.turn_id);
  expect(view.turns[next.turn_id]?.status).toBe("complete");
  await closeAll(turns);
  return { ...row, words };
}

test("a model server that sends no headers times out at the first-byte limit", async () => {
  expect(await ends({ tokens: 5, stall: "headers" })).toMatchObject({ status: "failed", error_code: "model_timeout" });
});

test("a model server that goes silent in mid-stream fails the turn, and the partial text stays", async () => {
  const { status, error_code, words } = await ends({ tokens: 50, stall: 10 });
  expect([status, error_code]).toEqual(["failed", "model_timeout"]);
  expect(words).toContain(":9");
});

test("a stream that ends cleanly without an end marker is not an answer", async () => {
  const { status, error_code } = await ends({ tokens: 50, end_after_tokens: 10 });
  expect([status, error_code]).toEqual(["failed", "model_cut"]);
});

test("a connection that is reset in mid-stream fails the turn with a reason", async () => {
  const { status, error } = await ends({ tokens: 50, cut_after_tokens: 10 });
  expect(status).toBe("failed");
  expect(error).toMatch(/\S/);
});

test("a turn that takes longer than its limit fails with what it has", async () => {
  const { status, error_code, words } = await ends({ tokens: 1_000, interval_ms: 100 });
  expect([status, error_code]).toEqual(["failed", "turn_timeout"]);
  expect(words).toContain(":9");
});

test("a 429 with Retry-After is retried after that time", async () => {
  expect(
    await ends({
      tokens: 5,
      status: 429,
      headers: { "retry-after": "1" },
      body: { error: { message: "busy" } },
      fail_first: 1,
    }),
  ).toMatchObject({ status: "complete", error_code: null });
});
