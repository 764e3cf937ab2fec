import {
  cancelTurn,
  endOrphan,
  endTurn,
  listMessages,
  type Pool,
  readOpenWork,
  renewLeases,
  requeueOrphans,
  saveDrafts,
  takeOverClaim,
} from "@boocode/store";
import { beforeEach, expect, test } from "vitest";
import {
  asWorker,
  claim,
  dump,
  letLeaseDie,
  messageRow,
  newPlace,
  ORPHANS,
  post,
  reply,
  running,
  turnRow,
  untilBlocked,
  useStore,
} from "./fixture.ts";

const fixture = useStore();

beforeEach(async () => {
  await fixture.pool`update turns set status = 'complete' where status in ('queued', 'running', 'cancelling')`;
});

const crash = (turnId: string, crashes: number) =>
  fixture.pool`update turns set crashes = ${crashes}, lease_until = now() - interval '1 s' where id = ${turnId}`;
const askedLongAgo = (turnId: string) =>
  fixture.pool`update turns set cancel_requested_at = now() - interval '6 s' where id = ${turnId}`;

test("an orphan is requeued, and its attempt is counted as spent", async () => {
  const { turn } = await running(fixture.pool, await newPlace(fixture.pool));
  expect(await requeueOrphans(fixture.pool, ORPHANS)).toEqual([]);
  await letLeaseDie(fixture.pool, turn.id);
  expect(await requeueOrphans(fixture.pool, ORPHANS)).toEqual([turn.id]);
  expect(await turnRow(fixture.pool, turn.id)).toMatchObject({
    ...{ status: "queued", attempt: 1, crashes: 1, worker_deaths: 1 },
  });
  expect(await claim(fixture.pool, turn.id)).toMatchObject({ attempt: 2 });
});

test("an orphan on its last attempt is ended as failed, under a new attempt", async () => {
  const place = await newPlace(fixture.pool);
  const { turn, messageId } = await running(fixture.pool, place);
  const next = await post(fixture.pool, place);
  await crash(turn.id, 2);
  expect(await requeueOrphans(fixture.pool, ORPHANS)).toEqual([]);
  const orphan = await endOrphan(fixture.pool, "newnonce", ORPHANS, 5_000);
  expect(orphan).toMatchObject({
    ...{ turnId: turn.id, sessionId: place.sessionId, messageId, lastSeq: 3 },
    epoch: { ordinal: 1, attempt: 2, nonce: "newnonce" },
    changes: [
      { kind: "turn_due", turnId: next.turnId },
      { kind: "list", of: { projectId: place.projectId } },
    ],
    end: { status: "failed", error: { code: "attempts_exhausted" } },
  });
  expect(await turnRow(fixture.pool, turn.id)).toMatchObject({ status: "failed", attempt: 2, last_seq: 3, crashes: 3 });
  expect(await messageRow(fixture.pool, messageId)).toMatchObject({ status: "failed" });
  const list = await listMessages(fixture.pool, place.ownerId, place.sessionId, { limit: 10 });
  expect(list?.cursor).toBe("1.2.newnonce.3");
  expect(
    await endTurn(fixture.pool, turn, { end: { status: "complete" }, reply: reply(messageId, "late"), lastSeq: 40 }),
  ).toBe("lost");
  expect(await endOrphan(fixture.pool, "another", ORPHANS, 5_000)).toBeNull();
});

test("a cancelled turn that its worker does not end is ended under a new attempt with its partial text", async () => {
  const place = await newPlace(fixture.pool);
  const { turn, messageId } = await running(fixture.pool, place);
  await fixture.pool`update messages set content = 'half' where id = ${messageId}`;
  await cancelTurn(fixture.pool, place.ownerId, place.sessionId);
  expect(await endOrphan(fixture.pool, "early", ORPHANS, 5_000)).toBeNull();
  await askedLongAgo(turn.id);
  const orphan = await endOrphan(fixture.pool, "n", ORPHANS, 5_000);
  expect(orphan).toMatchObject({ end: { status: "cancelled", reason: "user" }, epoch: { attempt: 2 }, lastSeq: 2 });
  expect(await turnRow(fixture.pool, turn.id)).toMatchObject({ status: "cancelled", attempt: 2, crashes: 0 });
  expect(await messageRow(fixture.pool, messageId)).toMatchObject({ status: "cancelled", content: "half" });
  expect(
    await endTurn(fixture.pool, turn, {
      end: { status: "cancelled", reason: "user" },
      reply: reply(messageId),
      lastSeq: 9,
    }),
  ).toBe("lost");
});

test("a cancelled turn of a dead worker is ended before the cancel time-out", async () => {
  const place = await newPlace(fixture.pool);
  const posted = await post(fixture.pool, place);
  const { streaming_message_id: messageId } = await claim(fixture.pool, posted.turnId);
  await cancelTurn(fixture.pool, place.ownerId, place.sessionId);
  await letLeaseDie(fixture.pool, posted.turnId);
  expect(await requeueOrphans(fixture.pool, ORPHANS)).toEqual([]);
  const orphan = await endOrphan(fixture.pool, "n", ORPHANS, 5_000);
  expect(orphan).toMatchObject({ messageId, lastSeq: 2, end: { status: "cancelled" } });
});

test("of ten concurrent reconcilers one ends an orphan", async () => {
  const { turn } = await running(fixture.pool, await newPlace(fixture.pool));
  await crash(turn.id, 2);
  const all = await Promise.all(Array.from({ length: 10 }, (_, i) => endOrphan(fixture.pool, `n${i}`, ORPHANS, 5_000)));
  expect(all.filter((orphan) => orphan !== null)).toHaveLength(1);
  expect(await turnRow(fixture.pool, turn.id)).toMatchObject({ attempt: 2, crashes: 3 });
});

test("a worker's end of a turn that waits for a reconciler's end of it loses its fence and changes nothing", async () => {
  const place = await newPlace(fixture.pool);
  const { turn, messageId } = await running(fixture.pool, place);
  await cancelTurn(fixture.pool, place.ownerId, place.sessionId);
  await askedLongAgo(turn.id);
  const { late, forced } = await fixture.pool.begin(async (transaction) => {
    const sql = Object.assign(transaction as unknown as Pool, {
      begin: (act: (sql: unknown) => unknown) => act(transaction),
    });
    await endOrphan(sql as Pool, "forced", ORPHANS, 5_000);
    const late = endTurn(fixture.pool, turn, {
      end: { status: "cancelled", reason: "user" },
      reply: reply(messageId, "late"),
      lastSeq: 9,
    });
    await untilBlocked(fixture.pool);
    return { late, forced: await dump(sql as Pool) };
  });
  expect(await late).toBe("lost");
  expect(await dump(fixture.pool)).toEqual(forced);
});

test("an orphan in a locked session does not delay the others", async () => {
  const [locked, free] = [
    await running(fixture.pool, await newPlace(fixture.pool)),
    await running(fixture.pool, await newPlace(fixture.pool)),
  ];
  await crash(locked.turn.id, 2);
  await crash(free.turn.id, 2);
  await fixture.pool.begin(async (sql) => {
    await sql`select from sessions where id = ${locked.turn.session_id} for no key update`;
    expect((await endOrphan(fixture.pool, "n", ORPHANS, 5_000))?.turnId).toBe(free.turn.id);
  });
  expect((await endOrphan(fixture.pool, "n", ORPHANS, 5_000))?.turnId).toBe(locked.turn.id);
});

test("a heartbeat renews held turns, returns their cancels, and omits lost ones", async () => {
  const [kept, asked, lost] = [
    await newPlace(fixture.pool),
    await newPlace(fixture.pool),
    await newPlace(fixture.pool),
  ];
  const turns = [
    await running(fixture.pool, kept, 1_000),
    await running(fixture.pool, asked, 1_000),
    await running(fixture.pool, lost, 1_000),
  ].map(({ turn }) => turn);
  await cancelTurn(fixture.pool, asked.ownerId, asked.sessionId);
  await letLeaseDie(fixture.pool, turns[2]!.id);
  await requeueOrphans(fixture.pool, ORPHANS);
  await claim(fixture.pool, turns[2]!.id);
  const state = await renewLeases(fixture.pool, turns, 60_000);
  expect(state).toEqual(
    new Map([
      [turns[0]!.id, { cancel: null, isRenewed: true }],
      [turns[1]!.id, { cancel: "user", isRenewed: true }],
    ]),
  );
  const [row] =
    await fixture.pool`select lease_until > now() + interval '50 s' as renewed from turns where id = ${turns[0]!.id}`;
  expect(row).toEqual({ renewed: true });
  expect(await renewLeases(fixture.pool, [], 1_000)).toEqual(new Map());
});

test("a heartbeat and drafts skip a locked row, which is still held, and write the others", async () => {
  const [locked, free] = [
    await running(fixture.pool, await newPlace(fixture.pool), 1_000),
    await running(fixture.pool, await newPlace(fixture.pool), 1_000),
  ];
  const turns = [locked.turn, free.turn];
  const drafts = [locked, free].map(({ turn, messageId }) => ({
    ...{ turnId: turn.id, attempt: turn.attempt, messageId, content: "text", reasoning: null, lastSeq: 7 },
  }));
  await fixture.pool.begin(async (sql) => {
    await sql`select id from turns where id = ${locked.turn.id} for no key update`;
    expect(await renewLeases(fixture.pool, turns, 60_000)).toEqual(
      new Map([
        [locked.turn.id, { cancel: null, isRenewed: false }],
        [free.turn.id, { cancel: null, isRenewed: true }],
      ]),
    );
    expect(await saveDrafts(fixture.pool, drafts)).toEqual(new Set([free.turn.id]));
  });
  expect([...(await renewLeases(fixture.pool, turns, 60_000)).values()].map(({ isRenewed }) => isRenewed)).toEqual([
    true,
    true,
  ]);
  expect(await saveDrafts(fixture.pool, drafts)).toEqual(new Set(turns.map(({ id }) => id)));
});

test("the next reconciliation is due when the first lease expires or the first turn becomes due", async () => {
  const look = () => readOpenWork(fixture.pool, 5_000);
  const nothing = { hasOrphans: false, hasDue: false, hasWaiting: false };
  expect(await look()).toMatchObject({ ...nothing, dueInMs: null });
  const { turn } = await running(fixture.pool, await newPlace(fixture.pool), 60_000);
  expect((await look()).dueInMs).toBeGreaterThan(50_000);
  const place = await newPlace(fixture.pool);
  const [waiting, behind] = [await post(fixture.pool, place), await post(fixture.pool, place)];
  await fixture.pool`update turns set due_at = now() + interval '20 s' where session_id = ${place.sessionId}`;
  const { dueInMs: next, ...work } = await look();
  expect(work).toMatchObject(nothing);
  expect(next).toBeGreaterThan(10_000);
  expect(next).toBeLessThanOrEqual(20_000);
  // A turn behind another one of its session is no work.
  await fixture.pool`update turns set due_at = now() where id = ${behind.turnId}`;
  expect(await look()).toMatchObject(nothing);
  // What is overdue is to be done now, and not later.
  await letLeaseDie(fixture.pool, turn.id);
  await fixture.pool`update turns set due_at = now() where id = ${waiting.turnId}`;
  expect(await look()).toMatchObject({ hasOrphans: true, hasDue: true, hasWaiting: true, dueInMs: null });
  // Posted half a second ago.
  await fixture.pool`update turns set due_at = now() + interval '500 ms' where id = ${waiting.turnId}`;
  expect(await look()).toMatchObject({ hasDue: false, hasWaiting: true });
  await fixture.pool`update turns set attempt = 1 where id = ${waiting.turnId}`;
  expect(await look()).toMatchObject({ hasDue: false, hasWaiting: false });
});

test("a cancelled turn is work for a reconciler once its worker is late to end it", async () => {
  const { turn } = await running(fixture.pool, await newPlace(fixture.pool), 60_000);
  const hasOrphans = async () => (await readOpenWork(fixture.pool, 5_000)).hasOrphans;
  await cancelTurn(fixture.pool, turn.owner_id, turn.session_id);
  expect(await hasOrphans()).toBe(false);
  await fixture.pool`update turns set cancel_requested_at = now() - interval '6 s' where id = ${turn.id}`;
  expect(await hasOrphans()).toBe(true);
});

test("a poison candidate whose worker dies before its process started is requeued without spending an attempt", async () => {
  const { turnId } = await post(fixture.pool, await newPlace(fixture.pool));
  await fixture.pool`update turns set crashes = 2, worker_deaths = 2 where id = ${turnId}`;
  await claim(fixture.pool, turnId, 1);
  await letLeaseDie(fixture.pool, turnId);
  expect(await endOrphan(fixture.pool, "n", ORPHANS, 5_000)).toBeNull();
  expect(await requeueOrphans(fixture.pool, ORPHANS)).toEqual([turnId]);
  expect(await turnRow(fixture.pool, turnId)).toMatchObject({
    ...{ status: "queued", crashes: 2, worker_deaths: 2, hand_backs: 1 },
  });
  const again = await claim(fixture.pool, turnId, 60_000);
  expect(again.is_poison_candidate).toBe(true);
  await takeOverClaim(fixture.pool, { turnId, attempt: again.attempt }, asWorker());
  await letLeaseDie(fixture.pool, turnId);
  expect(await requeueOrphans(fixture.pool, ORPHANS)).toEqual([]);
  expect(await endOrphan(fixture.pool, "n", ORPHANS, 5_000)).toMatchObject({ end: { status: "failed" } });
});

test("no expired lease counts when the database's time is past the rule's, or when the rule counts none", async () => {
  const { turn } = await running(fixture.pool, await newPlace(fixture.pool), 60_000);
  const { now } = await readOpenWork(fixture.pool, 5_000);
  for (const crashes of [0, 2]) {
    await crash(turn.id, crashes);
    for (const judgeUntil of [null, now - 1]) {
      expect(await requeueOrphans(fixture.pool, { maxCrashes: 3, judgeUntil })).toEqual([]);
      expect(await endOrphan(fixture.pool, "n", { maxCrashes: 3, judgeUntil }, 5_000)).toBeNull();
    }
    expect(await turnRow(fixture.pool, turn.id)).toMatchObject({ status: "running", crashes });
  }
  expect(await endOrphan(fixture.pool, "n", { maxCrashes: 3, judgeUntil: now + 60_000 }, 5_000)).toMatchObject({
    end: { status: "failed", error: { message: "the turn was tried 3 times, and its worker died each time" } },
  });
});

test("a cancelled turn with an expired lease is ended also while no expired lease counts", async () => {
  const { turn } = await running(fixture.pool, await newPlace(fixture.pool), 60_000);
  await cancelTurn(fixture.pool, turn.owner_id, turn.session_id);
  await letLeaseDie(fixture.pool, turn.id);
  const ended = await endOrphan(fixture.pool, "n", { maxCrashes: 3, judgeUntil: null }, 5_000);
  expect(ended).toMatchObject({ turnId: turn.id, end: { status: "cancelled" } });
});
