import { randomUUID } from "node:crypto";
import type { StructuralFrame } from "@boocode/contracts";
import {
  type Change,
  commitStep,
  deleteMessagesFrom,
  endTurn,
  listMessages,
  type Pool,
  readTurnsFrom,
  regenerateAnswer,
  saveDrafts,
  startMessage,
} from "@boocode/store";
import { expect, test } from "vitest";
import {
  cancelled,
  claim,
  committedOf,
  dump,
  frames,
  newPlace,
  newUser,
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
  ).toBeNull();
  await endTurn(fixture.pool, turn, {
    end: { status: "cancelled", reason: "messages_deleted" },
    reply: reply(messageId),
    lastSeq: 52,
  });
  expect(await contents(place)).toEqual([]);
  expect(await committedOf(fixture.pool, turn.id)).toEqual([]);
  const snapshot = await readTurnsFrom(fixture.pool, place.sessionId, 1, 10);
  expect(snapshot?.turns.flatMap((each) => each.messages)).toEqual([]);
});

test("a message that a worker starts during a deletion is either deleted or not started", async () => {
  const place = await newPlace(fixture.pool);
  const posted = await post(fixture.pool, place);
  const turn = await claim(fixture.pool, posted.turnId);
  const message = { id: randomUUID(), position: 2, step: 0, model: null, lastSeq: 2 };
  const deleting = await fixture.pool.begin(async (sql) => {
    await sql`update turns set last_seq = 2 where id = ${turn.id}`;
    await sql`
      insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, role, status)
      values (${message.id}, ${place.sessionId}, ${place.ownerId}, ${turn.id}, 1, 2, 'assistant', 'streaming')`;
    const deleting = deleteMessagesFrom(fixture.pool, place.ownerId, place.sessionId, posted.message.id);
    await untilBlocked(fixture.pool);
    return { deleting };
  });
  expect(new Set((await deleting.deleting)?.deleted)).toEqual(
    new Set([posted.message.id, turn.streaming_message_id, message.id]),
  );
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
  expect(frames(outcome as { changes: Change[] })[0]).toMatchObject({
    message_ids: [last.messageId],
    range: { from: { turn_ordinal: 2, position: 1 }, through_turn: 2 },
  });
  expect(outcome).toMatchObject({ message: { id: last.questionId, turn_ordinal: 3 } });
  expect(await turnRow(fixture.pool, turnId)).toMatchObject({ status: "queued" });
  expect(await turnRow(fixture.pool, last.turn.id)).toMatchObject({ status: "complete" });
  expect((await contents(place))?.at(-1)).toBe(last.questionId);
  const again = await claim(fixture.pool, turnId);
  expect((await committedOf(fixture.pool, again.id)).map((message) => message.id)).toEqual([last.questionId]);
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
  const [posted, stranger] = [await post(fixture.pool, place), await newUser(fixture.pool)];
  const before = await dump(fixture.pool);
  expect(await regenerate()).toEqual({ kind: "busy" });
  expect(await regenerate(stranger)).toEqual({ kind: "not_found" });
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

/** Adds turns of seven messages to a session, as fast as the database can. */
async function fill({ ownerId, sessionId }: Place, turns: number): Promise<void> {
  await fixture.pool`
    with added as (
      insert into turns (id, session_id, owner_id, ordinal, status)
      select gen_random_uuid(), ${sessionId}, ${ownerId}, ordinal, 'complete' from generate_series(1, ${turns}::int) ordinal
      returning id, session_id, owner_id, ordinal
    )
    insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, role, content)
    select gen_random_uuid(), session_id, owner_id, id, ordinal, position,
      case position when 0 then 'user' else 'assistant' end, 'text'
    from added, generate_series(0, 6) position`;
  await fixture.pool`update sessions set last_ordinal = ${turns} where id = ${sessionId}`;
}

const places = async (place: Place) =>
  await fixture.pool<{ id: string; turn_ordinal: number; position: number }[]>`
    select id, turn_ordinal, position from messages
    where session_id = ${place.sessionId} and deleted_at is null order by turn_ordinal, position`;

test("up to 1,000 deleted messages are listed in their frame, beside the range that has them all", async () => {
  const place = await newPlace(fixture.pool);
  await fill(place, 143);
  const all = await places(place);
  const outcome = await deleteMessagesFrom(fixture.pool, place.ownerId, place.sessionId, all[1]?.id as string);
  expect(frames(outcome)[0]).toMatchObject({
    message_ids: all.slice(1).map((message) => message.id),
    range: { from: { turn_ordinal: 1, position: 1 }, through_turn: 143 },
  });
});

/** Lets a statement fail that changes more than `most` messages, which a busy machine may not do within the time-out. */
async function limitStatements(most: number): Promise<void> {
  await fixture.owner.unsafe(`
    create function refuse_many() returns trigger language plpgsql as $$
    begin
      if (select count(*) from changed) > ${most} then raise exception 'one statement changed too many messages'; end if;
      return null;
    end $$;
    create trigger refuse_many after update on messages referencing new table as changed
      for each statement execute function refuse_many()`);
}

// The last test of the file, because others compare the whole database.
test("21,000 messages are deleted in short statements, and their frames are small", async () => {
  const place = await newPlace(fixture.pool);
  const other = await newPlace(fixture.pool, place.ownerId);
  await Promise.all([fill(place, 3_001), fill(other, 1)]);
  await limitStatements(2_000);
  const kept = (await places(place)).slice(0, 16);
  const first = (await places(place))[16];
  expect(first).toMatchObject({ turn_ordinal: 3, position: 2 });
  const outcome = await deleteMessagesFrom(fixture.pool, place.ownerId, place.sessionId, first?.id as string);
  expect(new Set(outcome?.deleted).size).toBe(3_001 * 7 - 16);
  expect(await places(place)).toEqual(kept);
  expect(await places(other)).toHaveLength(7);
  const told = frames(outcome) as Extract<StructuralFrame, { type: "messages_deleted" }>[];
  expect(told.map(({ version }) => version)).toEqual(Array.from({ length: 21 }, (_, index) => index + 1));
  expect(told[0]?.range).toEqual({ from: { turn_ordinal: 3, position: 2 }, through_turn: 3_001 });
  expect(told.slice(1).filter(({ range }) => range !== undefined)).toEqual([]);
  expect(told.flatMap((frame) => frame.message_ids)).toEqual(outcome?.deleted);
  for (const frame of told) expect(JSON.stringify(frame).length).toBeLessThan(64 * 1024);
});
