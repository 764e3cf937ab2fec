import { randomUUID } from "node:crypto";
import {
  cancelTurn,
  findSession,
  findTurn,
  listLiveTurns,
  type Pool,
  readWaitingTurns,
  withdrawTurn,
} from "@boocode/store";
import { expect, test } from "vitest";
import {
  asWorker,
  cancelled,
  claim,
  claimOnly,
  dump,
  newPlace,
  type Place,
  post,
  turnRow,
  untilBlocked,
  useStore,
} from "./fixture.ts";

const fixture = useStore();

/** A session with one running and two waiting turns. */
async function crowded(): Promise<{ place: Place; turns: string[]; messages: string[] }> {
  const place = await newPlace(fixture.pool);
  const posts = [await post(fixture.pool, place), await post(fixture.pool, place), await post(fixture.pool, place)];
  await claim(fixture.pool, posts[0]!.turnId);
  return { place, turns: posts.map((each) => each.turnId), messages: posts.map((each) => each.message.id) };
}

test("live turns are listed in the order in which they run, with their questions and places in the queue", async () => {
  const { place, turns, messages } = await crowded();
  const list = await listLiveTurns(fixture.pool, place.ownerId, place.sessionId);
  expect(list?.turns.map(({ id, place, message_id }) => ({ id, place, message_id }))).toEqual([
    { id: turns[0], place: null, message_id: messages[0] },
    { id: turns[1], place: 1, message_id: messages[1] },
    { id: turns[2], place: 2, message_id: messages[2] },
  ]);
});

test("a queued turn is listed with what it waits for, and its place in the fair order of all users", async () => {
  await fixture.pool`update turns set status = 'complete'`;
  const { place, turns } = await crowded();
  // The owner of the crowded session runs a turn already, so that others go first.
  const own = await newPlace(fixture.pool, place.ownerId);
  const ownTurn = await post(fixture.pool, own);
  const others = [await newPlace(fixture.pool), await newPlace(fixture.pool)];
  for (const other of others) await post(fixture.pool, other);
  const waits = async ({ ownerId, sessionId }: Place) =>
    (await listLiveTurns(fixture.pool, ownerId, sessionId))?.turns.map(({ waiting }) => waiting);
  expect(await waits(place)).toEqual([null, { reason: "session", ahead: 1 }, { reason: "session", ahead: 2 }]);
  expect(await waits(own)).toEqual([{ reason: "worker", ahead: 2 }]);
  expect(await findTurn(fixture.pool, place.ownerId, own.sessionId, ownTurn.turnId)).toMatchObject({
    waiting: { reason: "worker", ahead: 2 },
  });
  expect(await findTurn(fixture.pool, place.ownerId, place.sessionId, turns[0] ?? "")).toMatchObject({ waiting: null });
  await fixture.pool`update turns set attempt = 1, due_at = now() + interval '1 minute' where id = ${ownTurn.turnId}`;
  expect(await waits(own)).toEqual([null]);
  const both = await readWaitingTurns(fixture.pool, [place.sessionId, ...others.map(({ sessionId }) => sessionId)], 1);
  expect(both.map(({ reason, ahead }) => `${reason} ${ahead}`).sort()).toEqual(["session 1", "worker 0", "worker 1"]);
});

test("a cancel stops the running turn and no waiting one, and a second cancel reports the turn as cancelling", async () => {
  const { place, turns } = await crowded();
  const first = await cancelTurn(fixture.pool, place.ownerId, place.sessionId);
  expect(first).toMatchObject({ answer: { turn_id: turns[0], status: "cancelling" } });
  expect((await findSession(fixture.pool, place.ownerId, place.sessionId))?.version).toBe(6);
  expect(cancelled(first)).toEqual({ cancelling: [turns[0]], withdrawn: [] });
  const again = await cancelTurn(fixture.pool, place.ownerId, place.sessionId);
  expect(again).toMatchObject({ answer: { turn_id: turns[0], status: "cancelling" } });
  expect(cancelled(again)).toEqual({ cancelling: [], withdrawn: [] });
  expect(await turnRow(fixture.pool, turns[1]!)).toMatchObject({ status: "queued" });
});

test("without a running turn a cancel withdraws the first waiting one and raises the version for its frame", async () => {
  const place = await newPlace(fixture.pool);
  const [first, second] = [await post(fixture.pool, place), await post(fixture.pool, place)];
  const outcome = await cancelTurn(fixture.pool, place.ownerId, place.sessionId);
  expect(outcome).toMatchObject({
    answer: { turn_id: first.turnId, status: "cancelled" },
    changes: [{ frame: { type: "turn_withdrawn", version: second.version + 1 } }, { kind: "list" }],
  });
  expect(await claim(fixture.pool, second.turnId)).toMatchObject({ ordinal: 2 });
});

test("a cancel in a session without turns changes nothing", async () => {
  const place = await newPlace(fixture.pool);
  const before = await dump(fixture.pool);
  const outcome = await cancelTurn(fixture.pool, place.ownerId, place.sessionId);
  expect(outcome).toEqual({ answer: { turn_id: null, status: null }, changes: [] });
  expect(await dump(fixture.pool)).toEqual(before);
});

test("withdrawing a waiting turn moves the others up, and it can be neither withdrawn nor claimed again", async () => {
  const { place, turns } = await crowded();
  const outcome = await withdrawTurn(fixture.pool, place.ownerId, place.sessionId, turns[1]!);
  expect(outcome).toMatchObject({
    answer: { turn_id: turns[1], status: "cancelled" },
    changes: [{ frame: { type: "turn_withdrawn", turn_id: turns[1], version: 7 } }, { kind: "list" }],
  });
  const list = await listLiveTurns(fixture.pool, place.ownerId, place.sessionId);
  expect(list?.turns.map((turn) => [turn.id, turn.place])).toEqual([
    [turns[0], null],
    [turns[2], 1],
  ]);
  const again = await withdrawTurn(fixture.pool, place.ownerId, place.sessionId, turns[1]!);
  expect(cancelled(again)).toEqual({ cancelling: [], withdrawn: [] });
  expect(await claimOnly(fixture.pool, turns[1]!, asWorker({ workerId: "w", nonce: "n", leaseMs: 1_000 }))).toBeNull();
});

test("a claimed turn is not withdrawn, even when it is claimed while the withdrawal waits for the lock", async () => {
  const { place, turns } = await crowded();
  const taken = await withdrawTurn(fixture.pool, place.ownerId, place.sessionId, turns[0]!);
  expect(taken).toEqual({ answer: { turn_id: turns[0], status: "running" }, changes: [] });
  await fixture.pool`update turns set status = 'complete' where id = ${turns[0]!}`;
  const { late } = await fixture.pool.begin(async (sql) => {
    await claim(sql as unknown as Pool, turns[1]!);
    const late = withdrawTurn(fixture.pool, place.ownerId, place.sessionId, turns[1]!);
    await untilBlocked(fixture.pool);
    return { late };
  });
  expect(await late).toEqual({ answer: { turn_id: turns[1], status: "running" }, changes: [] });
  expect(await turnRow(fixture.pool, turns[1]!)).toMatchObject({ status: "running" });
});

test("a turn of another session cannot be withdrawn through this one", async () => {
  const { place } = await crowded();
  const other = await post(fixture.pool, await newPlace(fixture.pool, place.ownerId));
  expect(await withdrawTurn(fixture.pool, place.ownerId, place.sessionId, other.turnId)).toBeNull();
  expect(await withdrawTurn(fixture.pool, place.ownerId, place.sessionId, randomUUID())).toBeNull();
});
