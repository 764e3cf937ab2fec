import { cancelTurn, deleteSession, endTurn, readCancelReason, releaseTurn } from "@boocode/store";
import { expect, test } from "vitest";
import { cancelled, claim, dump, messageRow, newPlace, post, reply, running, turnRow, useStore } from "./fixture.ts";

const fixture = useStore();

const COMPLETE = { status: "complete" } as const;
const CANCELLED = { status: "cancelled", reason: "user" } as const;

test("ending a turn stores its answer and makes the session's next turn due", async () => {
  const place = await newPlace(fixture.pool);
  const { turn, messageId } = await running(fixture.pool, place);
  const next = await post(fixture.pool, place);
  const ended = await endTurn(fixture.pool, turn, {
    end: COMPLETE,
    reply: reply(messageId, "the answer"),
    lastSeq: 12,
  });
  expect(ended).toMatchObject({
    changes: [
      { kind: "turn_due", turnId: next.turnId, liveTurnsOfUser: 1 },
      {
        kind: "list",
        of: { projectId: place.projectId },
        frame: { type: "session_updated", session: { id: place.sessionId } },
      },
      { kind: "name_wanted", sessionId: place.sessionId },
    ],
  });
  expect(await turnRow(fixture.pool, turn.id)).toMatchObject({ status: "complete", last_seq: 12 });
  expect(await messageRow(fixture.pool, messageId)).toMatchObject({ content: "the answer", status: "complete" });
});

test("a failed turn keeps its partial text and has its error on the turn and the message", async () => {
  const { turn, messageId } = await running(fixture.pool, await newPlace(fixture.pool));
  const error = { code: "model_cut", message: "it broke off" } as const;
  const ended = await endTurn(fixture.pool, turn, {
    end: { status: "failed", error },
    reply: reply(messageId, "the ans"),
    lastSeq: 12,
  });
  expect(ended).toMatchObject({ changes: [{ kind: "list", frame: { session: { busy: false } } }] });
  const [row] = await fixture.pool`
    select m.content, m.status, m.error_code, t.error_code as turn_code, t.error from messages m
    join turns t on t.id = m.turn_id where m.id = ${messageId}`;
  expect(row).toEqual({
    ...{ content: "the ans", status: "failed", error_code: "model_cut" },
    ...{ turn_code: "model_cut", error: "it broke off" },
  });
});

test("repeating an end whose result was lost succeeds and changes no row of the turn", async () => {
  for (const end of [COMPLETE, { status: "failed", error: { code: "internal", message: "x" } } as const]) {
    const { turn, messageId } = await running(fixture.pool, await newPlace(fixture.pool));
    const first = await endTurn(fixture.pool, turn, { end, reply: reply(messageId, "the answer"), lastSeq: 12 });
    const rows = async () => [await turnRow(fixture.pool, turn.id), await messageRow(fixture.pool, messageId)];
    const before = await rows();
    const second = await endTurn(fixture.pool, turn, { end, reply: reply(messageId, "another text"), lastSeq: 99 });
    const listed = { kind: "list", frame: { session: { id: turn.session_id } } };
    const changes = end === COMPLETE ? [listed, { kind: "name_wanted" }] : [listed];
    expect(second).toMatchObject({ changes });
    expect(first).toMatchObject({ changes });
    expect(await rows()).toEqual(before);
  }
});

test("an end after a different end changes nothing", async () => {
  const { turn, messageId } = await running(fixture.pool, await newPlace(fixture.pool));
  await endTurn(fixture.pool, turn, { end: COMPLETE, reply: reply(messageId), lastSeq: 12 });
  const before = await dump(fixture.pool);
  const failed = { status: "failed", error: { code: "internal", message: "x" } } as const;
  expect(await endTurn(fixture.pool, turn, { end: failed, reply: reply(messageId, "other"), lastSeq: 13 })).toBe(
    "lost",
  );
  expect(await endTurn(fixture.pool, turn, { end: CANCELLED, reply: reply(messageId, "other"), lastSeq: 13 })).toBe(
    "lost",
  );
  expect(await dump(fixture.pool)).toEqual(before);
});

test("a turn that is cancelled before it completes ends as cancelled with its partial text", async () => {
  const place = await newPlace(fixture.pool);
  const { turn, messageId } = await running(fixture.pool, place);
  expect(await readCancelReason(fixture.pool, turn)).toBeNull();
  const cancel = await cancelTurn(fixture.pool, place.ownerId, place.sessionId);
  expect(cancel?.answer).toEqual({ turn_id: turn.id, status: "cancelling" });
  const before = await dump(fixture.pool);
  expect(await endTurn(fixture.pool, turn, { end: COMPLETE, reply: reply(messageId, "whole"), lastSeq: 12 })).toBe(
    "cancelling",
  );
  expect(await dump(fixture.pool)).toEqual(before);
  expect(await readCancelReason(fixture.pool, turn)).toBe("user");
  expect(
    await endTurn(fixture.pool, turn, { end: CANCELLED, reply: reply(messageId, "who"), lastSeq: 9 }),
  ).toMatchObject({
    changes: [{ kind: "list" }],
  });
  expect(await turnRow(fixture.pool, turn.id)).toMatchObject({ status: "cancelled", last_seq: 9 });
  expect(await messageRow(fixture.pool, messageId)).toMatchObject({ content: "who", status: "cancelled" });
});

test("a cancel after the completion answers that the turn is complete", async () => {
  const place = await newPlace(fixture.pool);
  const { turn, messageId } = await running(fixture.pool, place);
  await endTurn(fixture.pool, turn, { end: COMPLETE, reply: reply(messageId), lastSeq: 12 });
  const cancel = await cancelTurn(fixture.pool, place.ownerId, place.sessionId);
  expect(cancel?.answer).toEqual({ turn_id: turn.id, status: "complete" });
  expect(cancelled(cancel)).toEqual({ cancelling: [], withdrawn: [] });
});

test("in a hundred races of cancel and completion both report the same winner", async () => {
  const winners = new Set<string>();
  for (let round = 0; round < 100; round++) {
    const place = await newPlace(fixture.pool);
    const { turn, messageId } = await running(fixture.pool, place);
    const asked = [
      () => endTurn(fixture.pool, turn, { end: COMPLETE, reply: reply(messageId, "whole"), lastSeq: 12 }),
      () => cancelTurn(fixture.pool, place.ownerId, place.sessionId),
    ] as const;
    const cancelFirst = round % 2 === 0 ? asked[1]() : null;
    const ending = asked[0]();
    const [ended, outcome] = await Promise.all([ending, cancelFirst ?? asked[1]()]);
    const { status } = await turnRow(fixture.pool, turn.id);
    const message = await messageRow(fixture.pool, messageId);
    expect(outcome?.answer.status).toBe(status);
    if (status === "complete") expect([typeof ended, message?.content]).toEqual(["object", "whole"]);
    else expect([status, ended, message?.content]).toEqual(["cancelling", "cancelling", ""]);
    winners.add(status);
  }
  expect(winners).toEqual(new Set(["complete", "cancelling"]));
});

test("a turn whose session was deleted ends without changes to announce", async () => {
  const place = await newPlace(fixture.pool);
  const { turn, messageId } = await running(fixture.pool, place);
  const deleted = await deleteSession(fixture.pool, place.ownerId, place.sessionId);
  expect(cancelled(deleted)).toEqual({ cancelling: [turn.id], withdrawn: [] });
  const end = { status: "cancelled", reason: "session_deleted" } as const;
  expect(await endTurn(fixture.pool, turn, { end, reply: reply(messageId), lastSeq: 5 })).toMatchObject({
    changes: [],
  });
});

test("ending a turn ends a message of an earlier attempt that this attempt had not reached", async () => {
  for (const end of [CANCELLED, { status: "failed", error: { code: "internal", message: "x" } } as const]) {
    const { turn, messageId } = await running(fixture.pool, await newPlace(fixture.pool));
    await releaseTurn(fixture.pool, turn);
    const again = await claim(fixture.pool, turn.id);
    expect(again.streaming_message_id).toBe(messageId);
    if (end === CANCELLED) await cancelTurn(fixture.pool, again.owner_id, again.session_id);
    await endTurn(fixture.pool, { turnId: turn.id, attempt: 2 }, { end, reply: null, lastSeq: 2 });
    expect(await messageRow(fixture.pool, messageId)).toMatchObject({ status: end.status });
  }
});

test("a turn whose project or session is gone ends as cancelled although nobody asked for it; other cancels need a request", async () => {
  const { turn } = await running(fixture.pool, await newPlace(fixture.pool));
  const end = (reason: "user" | "session_deleted") =>
    endTurn(fixture.pool, turn, { end: { status: "cancelled", reason }, reply: null, lastSeq: 2 });
  expect(await end("user")).toBe("lost");
  expect(await turnRow(fixture.pool, turn.id)).toMatchObject({ status: "running" });
  expect(await end("session_deleted")).toMatchObject({ changes: expect.anything() });
  expect(await turnRow(fixture.pool, turn.id)).toMatchObject({ status: "cancelled", crashes: 0 });
});
