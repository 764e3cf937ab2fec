import { createHash, randomUUID } from "node:crypto";
import { LIMITS, type UserLimits } from "@boocode/contracts";
import * as store from "@boocode/store";
import { expect, test } from "vitest";
import {
  cancelled,
  claim,
  dump,
  frames,
  newPlace,
  newUser,
  type Place,
  post,
  reply,
  running,
  turnRow,
  useStore,
} from "./fixture.ts";

const fixture = useStore({ connections: 20 });

type Edit = Parameters<typeof store.editQuestion>[1];
const edit = (place: Place, more: Partial<Edit> = {}, key: store.IdempotencyKey | null = null) =>
  store.editQuestion(
    fixture.pool,
    { ...place, content: "and why not?", turnId: randomUUID(), messageId: randomUUID(), ...more },
    key,
  );

const shown = async (place: Place) =>
  (await store.listMessages(fixture.pool, place.ownerId, place.sessionId, { limit: 100 }))!.messages.map((m) => [
    m.turn_ordinal,
    m.role,
    m.content,
  ]);

async function answered(place: Place, content = "because") {
  const { turn, messageId, questionId } = await running(fixture.pool, place);
  await store.endTurn(fixture.pool, turn, {
    end: { status: "complete" },
    reply: reply(messageId, content),
    lastSeq: 5,
  });
  return { turn, questionId, messageId };
}

const only = (limits: Partial<UserLimits>): UserLimits => ({
  ...(Object.fromEntries(Object.keys(LIMITS).map((name) => [name, null])) as UserLimits),
  ...limits,
});

test("an edit replaces the last question and its answer, and keeps the earlier ones", async () => {
  const place = await newPlace(fixture.pool);
  await answered(place, "one");
  const last = await answered(place, "two");
  const [turnId, messageId] = [randomUUID(), randomUUID()];
  const outcome = await edit(place, { turnId, messageId, message_id: last.questionId });
  expect(outcome).toMatchObject({ kind: "posted", turnId, message: { id: messageId, turn_ordinal: 3 }, version: 7 });
  const told = frames(outcome as { changes: store.Change[] });
  // The new question first: a subscriber who misses the rest has one question too many, and never none.
  expect(told.map((frame) => [frame.version, frame.type])).toEqual([
    [5, "message_posted"],
    [6, "turn_queued"],
    [7, "messages_deleted"],
  ]);
  expect(told[2]).toMatchObject({
    message_ids: [last.questionId, last.messageId],
    range: { from: { turn_ordinal: 2, position: 0 }, through_turn: 2 },
  });
  expect(await shown(place)).toEqual([
    [1, "user", "why?"],
    [1, "assistant", "one"],
    [3, "user", "and why not?"],
  ]);
  expect(await turnRow(fixture.pool, last.turn.id)).toMatchObject({ status: "complete" });
});

test("an edit cancels a running answer, which writes nothing more, and its turn runs next", async () => {
  const place = await newPlace(fixture.pool);
  const { turn, messageId } = await running(fixture.pool, place);
  const outcome = await edit(place);
  expect(cancelled(outcome as never)).toEqual({ cancelling: [turn.id], withdrawn: [] });
  expect(frames(outcome as never)[1]).toMatchObject({ type: "turn_queued", ahead: 1 });
  expect(await turnRow(fixture.pool, turn.id)).toMatchObject({ status: "cancelling" });
  const late = { reply: reply(messageId), step: 0, tools: [], lastSeq: 50 };
  expect(await store.commitStep(fixture.pool, turn, late)).toBeNull();
  const ended = { status: "cancelled", reason: "messages_deleted" } as const;
  await store.endTurn(fixture.pool, turn, { end: ended, reply: reply(messageId), lastSeq: 51 });
  expect(await shown(place)).toEqual([[2, "user", "and why not?"]]);
  expect((await claim(fixture.pool, (outcome as { turnId: string }).turnId)).ordinal).toBe(2);
});

test("editing a question that waits withdraws it, and leaves the answer before it running", async () => {
  const place = await newPlace(fixture.pool);
  const first = await running(fixture.pool, place);
  const waiting = await post(fixture.pool, place, "wait");
  // At the limit: the edited question leaves its place to the new one.
  const outcome = await edit(place, { limits: only({ turns_waiting: 1 }) });
  expect(cancelled(outcome as never)).toEqual({ cancelling: [], withdrawn: [waiting.turnId] });
  expect(frames(outcome as never).map(({ type }) => type)).toEqual([
    ...["message_posted", "turn_queued", "turn_withdrawn", "messages_deleted"],
  ]);
  expect(await turnRow(fixture.pool, first.turn.id)).toMatchObject({ status: "running" });
  expect((await shown(place)).filter(([, role]) => role === "user")).toEqual([
    [1, "user", "why?"],
    [3, "user", "and why not?"],
  ]);
});

test("an edit is refused for another question than the last, and in an empty session", async () => {
  const place = await newPlace(fixture.pool);
  expect(await edit(place)).toEqual({ kind: "not_last_question" });
  const first = await answered(place);
  const second = await answered(place);
  const before = await dump(fixture.pool);
  for (const message_id of [first.questionId, second.messageId, randomUUID()]) {
    expect(await edit(place, { message_id })).toEqual({ kind: "not_last_question" });
  }
  expect(await dump(fixture.pool)).toEqual(before);
});

test("a refused edit changes nothing: not the asker's question, over a limit, or a model that was not checked", async () => {
  const place = await newPlace(fixture.pool);
  const member = await newUser(fixture.pool);
  const owner = { userId: place.ownerId, tokenId: null };
  await store.setMember(fixture.pool, owner, place.projectId, { name: member, role: "member" });
  await running(fixture.pool, place);
  await fixture.pool`update sessions set model = 'm' where id = ${place.sessionId}`;
  const before = await dump(fixture.pool);
  await expect(edit(place, { ownerId: member })).rejects.toThrow(store.Forbidden);
  const limits = only({ stored_bytes: 0 });
  await expect(edit(place, { limits })).rejects.toThrow(store.QuotaExceeded);
  expect(await edit(place, { checkedModels: [] })).toEqual({ kind: "model_unchecked", model: "m" });
  expect(await dump(fixture.pool)).toEqual(before);
});

test("of twenty edits with one key one happens, and all get the same answer", async () => {
  const place = await newPlace(fixture.pool);
  await running(fixture.pool, place);
  const key = { userId: place.ownerId, key: "k", requestHash: createHash("sha256").update("x").digest() };
  const all = await Promise.all(Array.from({ length: 20 }, () => edit(place, {}, key)));
  expect(new Set(all.map((outcome) => "turnId" in outcome && outcome.turnId)).size).toBe(1);
  expect(await shown(place)).toEqual([[2, "user", "and why not?"]]);
  const other = { ...key, requestHash: Buffer.from("y") };
  await expect(edit(place, {}, other)).rejects.toThrow(store.IdempotencyKeyReused);
});

test("of two edits of one question one happens", async () => {
  for (let round = 0; round < 10; round++) {
    const place = await newPlace(fixture.pool);
    const { questionId } = await answered(place);
    const both = await Promise.all([
      edit(place, { content: "a", message_id: questionId }),
      edit(place, { content: "b", message_id: questionId }),
    ]);
    expect(both.map(({ kind }) => kind).sort()).toEqual(["not_last_question", "posted"]);
    expect(await shown(place)).toHaveLength(1);
  }
});

test("no reader sees a session without its question, or with both, while edits and regenerations replace it", async () => {
  const { pool } = fixture;
  const place = await newPlace(pool);
  await answered(place);
  let isOver = false;
  const seen = new Set<number>();
  const reading = (async () => {
    while (!isOver) seen.add((await shown(place)).filter(([, role]) => role === "user").length);
  })();
  for (let round = 0; round < 15; round++) {
    await Promise.all([
      edit(place, { content: `edit ${round}` }),
      edit(place, { content: `other ${round}` }),
      store.regenerateAnswer(pool, { ...place, turnId: randomUUID() }, null),
    ]);
  }
  isOver = true;
  await reading;
  // The one question is never away, and never there twice.
  expect([...seen]).toEqual([1]);
  const [row] = await pool`
    select count(*) filter (where t.status = 'queued') as queued, s.live_turns
    from turns t join sessions s on s.id = t.session_id where s.id = ${place.sessionId} group by s.live_turns`;
  expect(row).toEqual({ queued: 1, live_turns: 1 });
});
