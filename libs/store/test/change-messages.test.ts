import { randomUUID } from "node:crypto";
import {
  type Change,
  commitStep,
  deleteMessagesFrom,
  endTurn,
  listMessages,
  type Pool,
  readTurnMessages,
  readTurnsFrom,
  regenerateAnswer,
  saveDrafts,
  startMessage,
} from "@boocode/store";
import { expect, test } from "vitest";
import {
  cancelled,
  claim,
  dump,
  frames,
  newPlace,
  type Place,
  post,
  reply,
  running,
  turnRow,
  untilBlocked,
  useStore,
} from "./fixture.ts";
import { toolMessage } from "./older-attempts.ts";

const fixture = useStore();

async function answered(place: Place, content: string) {
  const { turn, messageId, questionId } = await running(fixture.pool, place);
  await endTurn(fixture.pool, turn, { end: { status: "complete" }, reply: reply(messageId, content), lastSeq: 5 });
  return { turn, messageId, questionId };
}

const contents = async (place: Place) =>
  (await listMessages(fixture.pool, place.ownerId, place.sessionId, { limit: 100 }))?.messages.map((m) => m.id);

test("deleting a message deletes it and all later ones, and keeps the earlier ones", async () => {
  const place = await newPlace(fixture.pool);
  const [first, second] = [await answered(place, "one"), await answered(place, "two")];
  const outcome = await deleteMessagesFrom(fixture.pool, place.ownerId, place.sessionId, first.messageId);
  expect(new Set(outcome?.deleted)).toEqual(new Set([first.messageId, second.questionId, second.messageId]));
  expect(outcome).toMatchObject({ version: 5 });
  expect(cancelled(outcome)).toEqual({ cancelling: [], withdrawn: [] });
  expect(await contents(place)).toEqual([first.questionId]);
});

test("deleting messages while their turn runs cancels it, withdraws later turns, and hides what it still writes", async () => {
  const place = await newPlace(fixture.pool);
  const { turn, messageId, questionId } = await running(fixture.pool, place);
  const waiting = await post(fixture.pool, place);
  const outcome = await deleteMessagesFrom(fixture.pool, place.ownerId, place.sessionId, questionId);
  expect(cancelled(outcome)).toEqual({ cancelling: [turn.id], withdrawn: [waiting.turnId] });
  expect(outcome?.version).toBe(waiting.version + 2);
  const draft = { ...turn, messageId, content: "more", reasoning: null, lastSeq: 50 };
  expect(await saveDrafts(fixture.pool, [draft])).toEqual(new Set());
  expect(
    await commitStep(fixture.pool, turn, { reply: reply(messageId), step: 0, tools: [toolMessage()], lastSeq: 51 }),
  ).toBe(false);
  await endTurn(fixture.pool, turn, {
    end: { status: "cancelled", reason: "messages_deleted" },
    reply: reply(messageId),
    lastSeq: 52,
  });
  expect(await contents(place)).toEqual([]);
  expect(await readTurnMessages(fixture.pool, turn.id)).toEqual([]);
  const snapshot = await readTurnsFrom(fixture.pool, place.sessionId, 1, 10);
  expect(snapshot?.turns.flatMap((each) => each.messages)).toEqual([]);
});

test("a message that a worker starts during a deletion is either deleted or not started", async () => {
  const place = await newPlace(fixture.pool);
  const posted = await post(fixture.pool, place);
  const turn = await claim(fixture.pool, posted.turnId);
  const message = { id: randomUUID(), position: 1, step: 0, model: null, lastSeq: 2 };
  const deleting = await fixture.pool.begin(async (sql) => {
    await sql`update turns set last_seq = 2 where id = ${turn.id}`;
    await sql`
      insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, role, status)
      values (${message.id}, ${place.sessionId}, ${place.ownerId}, ${turn.id}, 1, 1, 'assistant', 'streaming')`;
    const deleting = deleteMessagesFrom(fixture.pool, place.ownerId, place.sessionId, posted.message.id);
    await untilBlocked(fixture.pool);
    return { deleting };
  });
  expect(new Set((await deleting.deleting)?.deleted)).toEqual(new Set([posted.message.id, message.id]));
  expect(await startMessage(fixture.pool, turn, { ...message, id: randomUUID(), position: 3 })).toBe(false);
  expect(await contents(place)).toEqual([]);
});

test("deleting a message of another session, or a deleted one, returns null and changes nothing", async () => {
  const place = await newPlace(fixture.pool);
  const elsewhere = await newPlace(fixture.pool, place.ownerId);
  const [mine, other] = [await answered(place, "x"), await answered(elsewhere, "y")];
  await deleteMessagesFrom(fixture.pool, place.ownerId, place.sessionId, mine.messageId);
  const before = await dump(fixture.pool);
  for (const id of [other.messageId, mine.messageId, randomUUID()]) {
    expect(await deleteMessagesFrom(fixture.pool, place.ownerId, place.sessionId, id)).toBeNull();
  }
  expect(await dump(fixture.pool)).toEqual(before);
});

test("a regeneration deletes the last answer and moves its question to a new turn", async () => {
  const place = await newPlace(fixture.pool);
  await answered(place, "one");
  const last = await answered(place, "two");
  const turnId = randomUUID();
  const outcome = await regenerateAnswer(fixture.pool, { ...place, turnId }, null);
  expect(outcome).toMatchObject({ kind: "regenerated", turnId, version: 7 });
  expect(frames(outcome as { changes: Change[] }).map((frame) => [frame.version, frame.type])).toEqual([
    [5, "messages_deleted"],
    [6, "message_posted"],
    [7, "turn_queued"],
  ]);
  expect(frames(outcome as { changes: Change[] })[0]).toMatchObject({ message_ids: [last.messageId] });
  expect(outcome).toMatchObject({ message: { id: last.questionId, turn_id: turnId, turn_ordinal: 3 } });
  expect(await turnRow(fixture.pool, turnId)).toMatchObject({ status: "queued" });
  expect(await turnRow(fixture.pool, last.turn.id)).toMatchObject({ status: "complete" });
  expect((await contents(place))?.at(-1)).toBe(last.questionId);
  const again = await claim(fixture.pool, turnId);
  expect((await readTurnMessages(fixture.pool, again.id)).map((message) => message.id)).toEqual([last.questionId]);
});

test("a question without an answer can be regenerated", async () => {
  const place = await newPlace(fixture.pool);
  const posted = await post(fixture.pool, place);
  await fixture.pool`update turns set status = 'cancelled' where id = ${posted.turnId}`;
  const outcome = await regenerateAnswer(fixture.pool, { ...place, turnId: randomUUID() }, null);
  expect(outcome).toMatchObject({ kind: "regenerated", message: { id: posted.message.id } });
  expect(frames(outcome as { changes: Change[] })[0]).toMatchObject({ type: "messages_deleted", message_ids: [] });
});

test("a regeneration is refused in a busy, an empty or another user's session", async () => {
  const place = await newPlace(fixture.pool);
  const regenerate = (ownerId = place.ownerId) =>
    regenerateAnswer(fixture.pool, { ...place, ownerId, turnId: randomUUID() }, null);
  expect(await regenerate()).toEqual({ kind: "nothing" });
  const posted = await post(fixture.pool, place);
  const before = await dump(fixture.pool);
  expect(await regenerate()).toEqual({ kind: "busy" });
  expect(await regenerate(randomUUID())).toEqual({ kind: "not_found" });
  expect(await dump(fixture.pool)).toEqual(before);
  await fixture.pool`update turns set status = 'complete' where id = ${posted.turnId}`;
});

test("of ten concurrent regenerations one succeeds and the others find the session busy", async () => {
  const place = await newPlace(fixture.pool);
  await answered(place, "one");
  const all = await Promise.all(
    Array.from({ length: 10 }, () => regenerateAnswer(fixture.pool as Pool, { ...place, turnId: randomUUID() }, null)),
  );
  expect(all.map((outcome) => outcome.kind).sort()).toEqual([...Array(9).fill("busy"), "regenerated"]);
});
