import { deleteOldSession, findOldSessions, findSession, readListVersions } from "@boocode/store";
import { expect, test } from "vitest";
import { claim, newPlace, newSession, type Place, post, useStore } from "./fixture.ts";

const fixture = useStore();
const DAY_MS = 24 * 60 * 60_000;
const MANY = 1_000;

async function usedDaysAgo(days: number, place?: Place): Promise<Place> {
  const base = place ?? (await newPlace(fixture.pool));
  const sessionId = place ? await newSession(fixture.pool, base.ownerId, base.projectId) : base.sessionId;
  await fixture.pool`
    update sessions set updated_at = now() - make_interval(days => ${days}) where id = ${sessionId}`;
  return { ...base, sessionId };
}

const exists = async ({ ownerId, sessionId }: Place) => (await findSession(fixture.pool, ownerId, sessionId)) !== null;

test("a session that was not used for the retention time is deleted as by its owner, and a recent one stays", async () => {
  const old = await usedDaysAgo(31);
  const recent = await usedDaysAgo(29, old);
  expect(await findOldSessions(fixture.pool, 30 * DAY_MS, MANY)).toEqual([old.sessionId]);
  const before = (await readListVersions(fixture.pool, [old.ownerId])).get(old.ownerId)?.total ?? 0;
  expect(await deleteOldSession(fixture.pool, old.sessionId, 30 * DAY_MS)).toEqual({
    changes: [
      {
        ...{ kind: "list", of: { projectId: old.projectId } },
        frame: {
          type: "session_deleted",
          session_id: old.sessionId,
          project_id: old.projectId,
          version: expect.any(Number),
        },
      },
    ],
  });
  expect((await readListVersions(fixture.pool, [old.ownerId])).get(old.ownerId)?.total).toBe(before + 1);
  expect(await deleteOldSession(fixture.pool, recent.sessionId, 30 * DAY_MS)).toBeNull();
  expect([await exists(old), await exists(recent)]).toEqual([false, true]);
  expect(await deleteOldSession(fixture.pool, old.sessionId, 30 * DAY_MS)).toBeNull();
});

test("sessions with live turns stay, and one that is used between the look and the deletion", async () => {
  const [queued, running, used] = [await newPlace(fixture.pool), await newPlace(fixture.pool), await usedDaysAgo(40)];
  await post(fixture.pool, queued);
  await claim(fixture.pool, (await post(fixture.pool, running)).turnId);
  const live = [queued.sessionId, running.sessionId];
  await fixture.pool`update sessions set updated_at = now() - interval '40 days' where id = any(${live}::uuid[])`;
  expect(await findOldSessions(fixture.pool, 30 * DAY_MS, MANY)).toEqual([used.sessionId]);
  await post(fixture.pool, used);
  for (const { sessionId } of [queued, running, used])
    expect(await deleteOldSession(fixture.pool, sessionId, 30 * DAY_MS)).toBeNull();
  // Old by its date, but with a turn: the date alone does not decide.
  await fixture.pool`update sessions set updated_at = now() - interval '40 days' where id = ${used.sessionId}`;
  expect(await deleteOldSession(fixture.pool, used.sessionId, 30 * DAY_MS)).toBeNull();
  expect(await Promise.all([queued, running, used].map(exists))).toEqual([true, true, true]);
});

test("a look returns few sessions of each project, and a locked one is left for later", async () => {
  const first = await usedDaysAgo(50);
  for (let i = 0; i < 25; i++) await usedDaysAgo(50, first);
  const other = await usedDaysAgo(50);
  const found = await findOldSessions(fixture.pool, 45 * DAY_MS, MANY);
  expect(found).toHaveLength(21);
  expect(found).toContain(other.sessionId);
  expect(await findOldSessions(fixture.pool, 45 * DAY_MS, 5)).toHaveLength(5);
  await fixture.pool.begin(async (sql) => {
    await sql`select from sessions where id = ${other.sessionId} for no key update`;
    expect(await deleteOldSession(fixture.pool, other.sessionId, 45 * DAY_MS)).toBeNull();
  });
  expect(await deleteOldSession(fixture.pool, other.sessionId, 45 * DAY_MS)).not.toBeNull();
});
