import { type Change, cancelTurn, completeTurns, deleteSession, endTurn, type Fence } from "@boocode/store";
import { expect, test } from "vitest";
import {
  messageRow,
  newPlace,
  newSession,
  type Place,
  post,
  reply,
  running,
  turnRow,
  used,
  useStore,
} from "./fixture.ts";

const fixture = useStore();

const COMPLETE = { status: "complete" } as const;

const completed = ({ turn, messageId }: { turn: Fence; messageId: string }, content: string) => ({
  ...{ fence: { turnId: turn.turnId, attempt: turn.attempt }, end: COMPLETE, lastSeq: 12 },
  ...{ reply: reply(messageId, content), usage: [used("answer", 7)] },
});

/** Another session of the same project. */
const beside = async (place: Place): Promise<Place> => ({
  ...place,
  sessionId: await newSession(fixture.pool, place.ownerId, place.projectId),
});

/** What an end has left, without what differs between any two turns. */
async function left({ turn, messageId }: Awaited<ReturnType<typeof running>>) {
  const rows = await fixture.pool<object[]>`
    select to_jsonb(t) - array['id', 'session_id', 'owner_id', 'nonce', 'created_at', 'started_at', 'finished_at', 'due_at'] as turn,
      to_jsonb(m) - array['id', 'session_id', 'owner_id', 'turn_id', 'created_at', 'started_at', 'finished_at'] as message,
      t.finished_at is not null and m.finished_at is not null as are_finished,
      s.live_turns, s.version,
      (select jsonb_agg(to_jsonb(u) - array['id', 'user_id', 'session_id', 'project_id']) from usage u where u.id = t.id) as usage,
      (select sum(c.bytes) from storage_changes c where c.user_id = t.owner_id) as bytes
    from turns t join messages m on m.id = ${messageId} join sessions s on s.id = t.session_id where t.id = ${turn.id}`;
  return rows[0];
}

const listVersions = (changes: readonly Change[]) =>
  changes.flatMap((change) => (change.kind === "list" ? [change.frame.version] : []));

test("turns that end together leave what each would leave by itself, and number the lists of their projects densely", async () => {
  const { pool } = fixture;
  const alone = await newPlace(pool);
  const one = await running(pool, alone);
  const [first, other] = [await newPlace(pool), await newPlace(pool)];
  const places = [first, await beside(first), other];
  const several = [];
  for (const place of places) several.push(await running(pool, place));
  const next = await post(pool, places[1] as Place);
  const [before] = await pool<{ version: number }[]>`select version from projects where id = ${first.projectId}`;

  const { fence, ...ending } = completed(one, "the answer");
  const expected = await endTurn(pool, fence, ending);
  const ended = await completeTurns(
    pool,
    several.map((each) => completed(each, "the answer")),
  );
  expect(ended).toHaveLength(3);
  expect(ended[2]).toEqual({
    changes: (expected as { changes: Change[] }).changes.map((change) => ({
      ...change,
      ...(change.kind === "name_wanted" && { sessionId: other.sessionId }),
      ...(change.kind === "list" && {
        of: { projectId: other.projectId },
        frame: expect.objectContaining({ type: "session_updated" }),
      }),
    })),
  });
  expect(ended[1]?.changes).toContainEqual({ kind: "turn_due", turnId: next.turnId, liveTurnsOfUser: 1 });
  expect(await left(several[2] as (typeof several)[0])).toEqual(await left(one));
  expect(await left(several[2] as (typeof several)[0])).toMatchObject({ are_finished: true, live_turns: 0 });
  const versions = [ended[0], ended[1]].flatMap((end) => listVersions(end?.changes ?? []));
  const version = before?.version ?? 0;
  expect(versions.sort((a, b) => a - b)).toEqual([version + 1, version + 2]);
  const [after] = await pool<{ version: number }[]>`select version from projects where id = ${first.projectId}`;
  expect(after?.version).toBe(version + 2);
});

test("a turn that cannot end as complete is left as it is, and the others end", async () => {
  const { pool } = fixture;
  const [fine, cancelling, lost, over, gone] = await Promise.all(Array.from({ length: 5 }, () => newPlace(pool)));
  const turns = [];
  for (const place of [fine, cancelling, lost, over, gone]) turns.push(await running(pool, place as Place));
  const [a, b, c, d, e] = turns as [
    (typeof turns)[0],
    (typeof turns)[0],
    (typeof turns)[0],
    (typeof turns)[0],
    (typeof turns)[0],
  ];
  await cancelTurn(pool, (cancelling as Place).ownerId, (cancelling as Place).sessionId);
  await pool`update turns set attempt = attempt + 1 where id = ${c.turn.id}`;
  const { fence, ...ending } = completed(d, "first");
  await endTurn(pool, fence, ending);
  await deleteSession(pool, (gone as Place).ownerId, (gone as Place).sessionId);
  const untouched = () =>
    Promise.all([b, c, d, e].flatMap((one) => [turnRow(pool, one.turn.id), messageRow(pool, one.messageId)]));
  const before = await untouched();
  const ended = await completeTurns(
    pool,
    [a, b, c, d, e].map((one) => completed(one, "late")),
  );
  expect(ended.map((end) => end !== null)).toEqual([true, false, false, false, false]);
  expect(await untouched()).toEqual(before);
  expect(await messageRow(pool, a.messageId)).toMatchObject({ content: "late", status: "complete" });
});

test("of two attempts of one turn, only the one that holds it writes", async () => {
  const { pool } = fixture;
  const one = await running(pool, await newPlace(pool));
  const older = completed({ ...one, turn: { turnId: one.turn.id, attempt: 0 } }, "of the older attempt");
  const ended = await completeTurns(pool, [older, completed(one, "of the present attempt")]);
  expect(ended.map((end) => end !== null)).toEqual([false, true]);
  expect(await messageRow(pool, one.messageId)).toMatchObject({ content: "of the present attempt" });
});

test("while one session is locked, none of them ends, and the call fails soon", async () => {
  const { pool } = fixture;
  const turns = [await running(pool, await newPlace(pool)), await running(pool, await newPlace(pool))];
  await pool.begin(async (sql) => {
    await sql`select from sessions where id = ${turns[1]?.turn.session_id ?? ""} for update`;
    const ending = completeTurns(
      pool,
      turns.map((one) => completed(one, "answer")),
    );
    await expect(ending).rejects.toMatchObject({ code: "55P03" });
  });
  for (const { turn } of turns) expect(await turnRow(pool, turn.id)).toMatchObject({ status: "running" });
});
