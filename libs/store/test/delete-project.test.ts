import { randomUUID } from "node:crypto";
import {
  cancelTurn,
  changeSession,
  createSession,
  deleteMessagesFrom,
  deleteProject,
  deleteSession,
  emptyProject,
  endTurn,
  findProject,
  findProjectsToEmpty,
  findSession,
  findTurn,
  findUnreadable,
  listLiveTurns,
  listMessages,
  nameSession,
  type Pool,
  postMessage,
  readForNaming,
  readTurnsFrom,
  regenerateAnswer,
  renameProject,
} from "@boocode/store";
import { expect, test } from "vitest";
import {
  asWorker,
  cancelled,
  claim,
  claimNextTurn,
  DUE,
  dump,
  newPlace,
  newProject,
  newSession,
  newUser,
  type Place,
  post,
  question,
  reply,
  running,
  sessionsOf,
  turnRow,
  untilBlocked,
  useStore,
} from "./fixture.ts";

const fixture = useStore({ connections: 20 });

/** What the workers' loop does, until nothing is left. @returns the ids of the turns that it asked to stop */
async function emptyAll(pool: Pool): Promise<string[]> {
  const stopped: string[] = [];
  for (;;) {
    const projects = await findProjectsToEmpty(pool, 10);
    if (projects.length === 0) return stopped;
    for (const projectId of projects) stopped.push(...cancelled(await emptyProject(pool, projectId)).cancelling);
  }
}

const unmarked = async (projectId: string) =>
  (await fixture.pool`select id from sessions where project_id = ${projectId} and deleted_at is null`).length;

test("deleting a project deletes its sessions and cancels their turns", async () => {
  const place = await newPlace(fixture.pool);
  const second = await newSession(fixture.pool, place.ownerId, place.projectId);
  const other = await newPlace(fixture.pool, place.ownerId);
  const live = await post(fixture.pool, place);
  const waiting = await post(fixture.pool, place);
  await claim(fixture.pool, live.turnId);
  const outcome = await deleteProject(fixture.pool, place.ownerId, place.projectId);
  expect(outcome?.changes).toMatchObject([{ frame: { type: "project_deleted", project_id: place.projectId } }]);
  expect(await emptyAll(fixture.pool)).toEqual([live.turnId]);
  expect(await turnRow(fixture.pool, waiting.turnId)).toMatchObject({ status: "cancelled" });
  expect(await unmarked(place.projectId)).toBe(0);
  expect(await findProject(fixture.pool, place.ownerId, place.projectId)).toBeNull();
  expect(await findSession(fixture.pool, place.ownerId, second)).toBeNull();
  expect(await findSession(fixture.pool, place.ownerId, other.sessionId)).not.toBeNull();
  expect(await createSession(fixture.pool, { ...place, id: randomUUID() })).toBeNull();
  expect(await deleteProject(fixture.pool, place.ownerId, place.projectId)).toBeNull();
  expect(await renameProject(fixture.pool, place.ownerId, place.projectId, "x")).toBeNull();
});

test("from the mark on, nothing in the project is found or changed, although its sessions are not marked yet", async () => {
  const { pool } = fixture;
  const place = await newPlace(pool);
  const { ownerId, projectId, sessionId } = place;
  const { turn, questionId } = await running(pool, place);
  await deleteProject(pool, ownerId, projectId);
  expect(await unmarked(projectId)).toBe(1);
  const before = await dump(pool);
  const asked = [
    findSession(pool, ownerId, sessionId),
    findTurn(pool, ownerId, sessionId, turn.id),
    listMessages(pool, ownerId, sessionId, { limit: 10 }),
    listLiveTurns(pool, ownerId, sessionId),
    changeSession(pool, ownerId, sessionId, { name: "x" }),
    deleteSession(pool, ownerId, sessionId),
    deleteMessagesFrom(pool, ownerId, sessionId, questionId),
    cancelTurn(pool, ownerId, sessionId),
    nameSession(pool, { id: randomUUID(), sessionId, userId: ownerId, usage: [], name: "x" }),
    readForNaming(pool, sessionId),
    readTurnsFrom(pool, sessionId, 0, 10),
  ];
  expect(await Promise.all(asked)).toEqual(asked.map(() => null));
  expect(await sessionsOf(pool, ownerId, projectId)).toEqual([]);
  expect(await findUnreadable(pool, [{ userId: ownerId, sessionId }])).toHaveLength(1);
  for (const when_busy of ["queue", "reject", "interrupt"] as const)
    expect(await postMessage(pool, { ...question(place), when_busy }, null)).toEqual({ kind: "not_found" });
  expect(await regenerateAnswer(pool, { ...place, turnId: randomUUID() }, null)).toEqual({ kind: "not_found" });
  expect(await dump(pool)).toEqual(before);
});

test("a turn that ends in a deleted project announces nothing, and one that is claimed there has no setting", async () => {
  const { pool } = fixture;
  const place = await newPlace(pool);
  const { turn, messageId } = await running(pool, place);
  const next = await post(pool, place);
  await deleteProject(pool, place.ownerId, place.projectId);
  const end = { end: { status: "complete" } as const, reply: reply(messageId), lastSeq: 5 };
  expect(await endTurn(pool, turn, end)).toMatchObject({ changes: [] });
  expect((await claim(pool, next.turnId)).setting).toBeNull();
});

test("a session that is created while its project is marked is deleted too", async () => {
  const ownerId = await newUser(fixture.pool);
  const projectId = await newProject(fixture.pool, ownerId);
  const id = randomUUID();
  const { deleting } = await fixture.pool.begin(async (transaction) => {
    const sql = Object.assign(transaction as unknown as Pool, {
      begin: (act: (sql: unknown) => Promise<unknown>) => act(transaction),
    }) as Pool;
    await createSession(sql, { id, ownerId, projectId });
    const deleting = deleteProject(fixture.pool, ownerId, projectId);
    await untilBlocked(fixture.pool);
    return { deleting };
  });
  expect(await deleting).not.toBeNull();
  expect(await findSession(fixture.pool, ownerId, id)).toBeNull();
  await emptyAll(fixture.pool);
  expect(await unmarked(projectId)).toBe(0);
});

test("posts and new sessions that race with the deletion leave no live turn and no session behind", async () => {
  for (let round = 0; round < 15; round++) {
    const place = await newPlace(fixture.pool);
    const places: Place[] = [
      place,
      { ...place, sessionId: await newSession(fixture.pool, place.ownerId, place.projectId) },
    ];
    const work = [...places, ...places].flatMap((each) => [
      postMessage(fixture.pool, question(each), null),
      createSession(fixture.pool, { ...place, id: randomUUID() }),
      renameProject(fixture.pool, place.ownerId, place.projectId, "x"),
    ]);
    const deleting = deleteProject(fixture.pool, place.ownerId, place.projectId);
    await Promise.all([...work, deleting, deleting.then(() => emptyAll(fixture.pool))]);
    await emptyAll(fixture.pool);
    const live = await fixture.pool`
      select from turns where owner_id = ${place.ownerId} and status in ('queued', 'running', 'cancelling')`;
    expect(live).toHaveLength(0);
    expect(await unmarked(place.projectId)).toBe(0);
  }
});

/** A project with many sessions, and a turn in the one with the highest id. */
async function largeProject(sessions: number): Promise<Place> {
  const ownerId = await newUser(fixture.pool);
  const projectId = await newProject(fixture.pool, ownerId);
  await fixture.pool`
    insert into sessions (id, project_id, owner_id) select gen_random_uuid(), ${projectId}, ${ownerId}
    from generate_series(1, ${sessions}::int)`;
  const [last] = await fixture.pool<{ id: string }[]>`
    select id from sessions where project_id = ${projectId} order by id desc limit 1`;
  return { ownerId, projectId, sessionId: last?.id ?? "" };
}

test("the first batch stops the live turns, wherever they are, and no batch locks many sessions", async () => {
  const place = await largeProject(700);
  const live = await post(fixture.pool, place);
  await claim(fixture.pool, live.turnId);
  await deleteProject(fixture.pool, place.ownerId, place.projectId);
  const first = await emptyProject(fixture.pool, place.projectId);
  expect(cancelled(first).cancelling).toEqual([live.turnId]);
  for (let left = await unmarked(place.projectId); left > 0; left = await unmarked(place.projectId)) {
    const { deleted } = await emptyProject(fixture.pool, place.projectId);
    expect(deleted).toBe(Math.min(left, 200));
  }
});

test("several workers empty a project together, and sessions that are locked meanwhile are not forgotten", async () => {
  const place = await largeProject(900);
  await deleteProject(fixture.pool, place.ownerId, place.projectId);
  await fixture.pool.begin(async (sql) => {
    await sql`select from sessions where id = ${place.sessionId} for update`;
    const batches = await Promise.all([1, 2, 3, 4, 5, 6].map(() => emptyProject(fixture.pool, place.projectId)));
    expect(batches.reduce((sum, batch) => sum + batch.deleted, 0)).toBe(899);
    expect((await emptyProject(fixture.pool, place.projectId)).deleted).toBe(0);
    expect(await findProjectsToEmpty(fixture.pool, 10)).toContain(place.projectId);
  });
  await emptyAll(fixture.pool);
  expect(await unmarked(place.projectId)).toBe(0);
  expect(await findProjectsToEmpty(fixture.pool, 10)).toEqual([]);
});

test("a due turn of a deleted project that a worker claims before its session is marked is cancelled with it", async () => {
  const { pool } = fixture;
  const place = await newPlace(pool);
  const { turnId } = await post(pool, place);
  await deleteProject(pool, place.ownerId, place.projectId);
  await pool`update turns set due_at = now() where id = ${turnId}`;
  expect(await claimNextTurn(pool, DUE, asWorker())).toMatchObject({ id: turnId, setting: null });
  expect(await emptyAll(pool)).toEqual([turnId]);
  expect(await turnRow(pool, turnId)).toMatchObject({ status: "cancelling" });
});
