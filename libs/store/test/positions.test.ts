import { randomUUID } from "node:crypto";
import {
  commitStep,
  deleteSession,
  endTurn,
  readCurrentTurn,
  readPositions,
  readTurnsFrom,
  type SessionPosition,
  saveDrafts,
  type WatchedSession,
} from "@boocode/store";
import { expect, test } from "vitest";
import { claim, newPlace, type Place, post, reply, running, useStore } from "./fixture.ts";
import { toolMessage } from "./older-attempts.ts";

const fixture = useStore();

async function answered(place: Place) {
  const { turn, messageId } = await running(fixture.pool, place);
  await commitStep(fixture.pool, turn, { reply: reply(messageId), step: 0, tools: [toolMessage()], lastSeq: 5 });
  await endTurn(fixture.pool, turn, { end: { status: "complete" }, reply: null, lastSeq: 7 });
  return turn;
}

const unread = (id: string): WatchedSession => ({ id, last: null });

test("the positions of untouched, queued, running and ended sessions are read in one query, without deleted ones", async () => {
  const [untouched, queued, live, ended, gone] = await Promise.all([1, 2, 3, 4, 5].map(() => newPlace(fixture.pool)));
  if (!untouched || !queued || !live || !ended || !gone) throw new Error("five places");
  await post(fixture.pool, queued);
  const { turn, messageId } = await running(fixture.pool, live);
  await saveDrafts(fixture.pool, [{ ...turn, messageId, content: "x", reasoning: null, lastSeq: 9 }]);
  const last = await answered(ended);
  await answered(gone);
  await deleteSession(fixture.pool, gone.ownerId, gone.sessionId);
  const places = [untouched, queued, live, ended, gone];
  const ids = [...places.map((place) => place.sessionId), randomUUID()];
  const positions = await readPositions(fixture.pool, ids.map(unread));
  expect(ids.map((id) => positions.get(id) === null)).toEqual([false, false, false, false, true, true]);
  const none = { session_id: untouched.sessionId, version: 0, turn: null, is_live: false, has_queued: false };
  expect(positions.get(untouched.sessionId)).toEqual(none);
  expect(positions.get(queued.sessionId)).toMatchObject({ version: 2, turn: null, has_queued: true });
  expect(positions.get(live.sessionId)?.turn).toEqual({
    ...{ ordinal: 1, attempt: 1, nonce: turn.nonce, last_seq: 9, ended: false },
  });
  expect(positions.get(ended.sessionId)?.turn).toMatchObject({ nonce: last.nonce, last_seq: 7, ended: true });
  expect(await readPositions(fixture.pool, [])).toEqual(new Map());
});

test("a position is read again while it can have changed: with a live turn, once more after its end, and with another version", async () => {
  const place = await newPlace(fixture.pool);
  let last: SessionPosition | null = null;
  /** @returns what a check reads; undefined: nothing */
  async function check() {
    const read = (await readPositions(fixture.pool, [{ id: place.sessionId, last }])).get(place.sessionId);
    if (read !== undefined) last = read;
    return read;
  }
  expect([await check(), await check()]).toMatchObject([{ version: 0 }, undefined]);
  await answered(place);
  expect([(await check())?.turn?.last_seq, await check()]).toEqual([7, undefined]);
  const { turnId } = await post(fixture.pool, place);
  expect([await check(), await check()]).toMatchObject([{ is_live: true }, { is_live: true, has_queued: true }]);
  const next = await claim(fixture.pool, turnId);
  expect(await check()).toMatchObject({ is_live: true, has_queued: false, turn: { nonce: next.nonce, ended: false } });
  await endTurn(fixture.pool, next, { end: { status: "complete" }, reply: null, lastSeq: 3 });
  expect(await check()).toMatchObject({ is_live: false, turn: { last_seq: 3, ended: true } });
  expect(await check()).toBeUndefined();
  await deleteSession(fixture.pool, place.ownerId, place.sessionId);
  expect([await check(), await check()]).toEqual([null, null]);
});

test("the current turn is the newest claimed one, not a waiting one", async () => {
  const place = await newPlace(fixture.pool);
  expect(await readCurrentTurn(fixture.pool, place.sessionId)).toBeNull();
  const turn = await answered(place);
  await post(fixture.pool, place);
  expect(await readCurrentTurn(fixture.pool, place.sessionId)).toEqual({
    ...{ ordinal: 1, attempt: 1, nonce: turn.nonce, last_seq: 7 },
  });
});

test("turns from an ordinal on are read oldest first, with epoch, status and messages", async () => {
  const place = await newPlace(fixture.pool);
  const turns = [await answered(place), await answered(place), await answered(place)];
  await post(fixture.pool, place);
  const answer = await readTurnsFrom(fixture.pool, place.sessionId, 2, 10);
  expect(answer?.version).toBe(8);
  expect(answer?.turns.map((each) => each.epoch.ordinal)).toEqual([2, 3]);
  expect(answer?.turns[0]).toMatchObject({
    ...{ lastSeq: 7, epoch: { attempt: 1, nonce: turns[1]?.nonce } },
    turn: { id: turns[1]?.id, status: "complete" },
  });
  expect(answer?.turns[0]?.messages.map((message) => message.role)).toEqual(["user", "assistant", "tool"]);
  expect(answer?.turns[0]?.turn).not.toHaveProperty("nonce");
});

test("an ordinal beyond the newest turn returns the newest one, and a session without turns returns none", async () => {
  const place = await newPlace(fixture.pool);
  expect(await readTurnsFrom(fixture.pool, place.sessionId, 7, 10)).toEqual({ version: 0, turns: [] });
  await answered(place);
  const newest = await answered(place);
  const answer = await readTurnsFrom(fixture.pool, place.sessionId, 99, 10);
  expect(answer?.turns.map((each) => each.turn.id)).toEqual([newest.id]);
});

test("only the newest turns, up to the limit, are returned, and null for a deleted session", async () => {
  const place = await newPlace(fixture.pool);
  for (let i = 0; i < 4; i++) await answered(place);
  const answer = await readTurnsFrom(fixture.pool, place.sessionId, 1, 2);
  expect(answer?.turns.map((each) => each.epoch.ordinal)).toEqual([3, 4]);
  await deleteSession(fixture.pool, place.ownerId, place.sessionId);
  expect(await readTurnsFrom(fixture.pool, place.sessionId, 1, 2)).toBeNull();
});

test("a turn with many long messages is read as far as a snapshot shows it, and says that it is cut", async () => {
  const place = await newPlace(fixture.pool);
  const { turn, messageId } = await running(fixture.pool, place);
  // The outputs take 100 MB, and more than 4 MB as they are stored.
  await fixture.owner`
    insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, step, role, content, last_seq, finished_at)
    select gen_random_uuid(), ${place.sessionId}, ${place.ownerId}, ${turn.turnId}, 1, 1 + n, n, 'tool', repeat(md5(n::text), 3000), 5, now()
    from generate_series(1, 1000) as n`;
  await fixture.owner`update messages set content = repeat('w', 300000) where id = ${messageId}`;
  const read = async () => (await readTurnsFrom(fixture.pool, place.sessionId, 1, 10))?.turns[0];
  const cut = await read();
  expect(cut?.isCut).toBe(true);
  expect(cut?.messages.at(-1)?.position).toBe(1001);
  expect(Buffer.byteLength(JSON.stringify(cut))).toBeLessThan(1_000_000);
  expect(cut?.messages.every(({ shortened }) => shortened)).toBe(true);
  await fixture.owner`delete from messages where session_id = ${place.sessionId} and position > 400`;
  const whole = await read();
  expect(whole?.isCut).toBe(false);
  expect(whole?.messages.map(({ position }) => position)).toEqual(Array.from({ length: 401 }, (_, i) => i));
  // Frames continue what streams.
  expect(whole?.messages[1]?.content).toHaveLength(300_000);
});
