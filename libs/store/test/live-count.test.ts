import { randomUUID } from "node:crypto";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createDatabase } from "@boocode/backing-services";
import { connectPostgres, migrate } from "@boocode/runtime";
import { cancelTurn, endTurn, findSession, releaseTurn, withdrawTurn } from "@boocode/store";
import { expect, inject, test } from "vitest";
import { claim, newPlace, post, running, useStore } from "./fixture.ts";

const fixture = useStore();
const MIGRATIONS = fileURLToPath(new URL("../../../migrations", import.meta.url));

const live = async (sessionId: string) =>
  (await fixture.pool<{ live_turns: number }[]>`select live_turns from sessions where id = ${sessionId}`)[0]
    ?.live_turns;

test("a session counts its turns from the post to the end, whatever they wait for, and is busy as long", async () => {
  const place = await newPlace(fixture.pool);
  const isBusy = async () => (await findSession(fixture.pool, place.ownerId, place.sessionId))?.busy;
  expect([await live(place.sessionId), await isBusy()]).toEqual([0, false]);
  const { turn } = await running(fixture.pool, place);
  const second = await post(fixture.pool, place);
  expect([await live(place.sessionId), await isBusy()]).toEqual([2, true]);
  await releaseTurn(fixture.pool, turn);
  const again = await claim(fixture.pool, turn.id);
  await cancelTurn(fixture.pool, place.ownerId, place.sessionId, turn.id);
  expect(await live(place.sessionId)).toBe(2);
  await withdrawTurn(fixture.pool, place.ownerId, place.sessionId, second.turnId);
  expect(await live(place.sessionId)).toBe(1);
  const end = { status: "cancelled", reason: "user" } as const;
  await endTurn(fixture.pool, again, { end, reply: null, lastSeq: 9 });
  expect([await live(place.sessionId), await isBusy()]).toEqual([0, false]);
});

test("a session no longer counts a live turn that is removed", async () => {
  const place = await newPlace(fixture.pool);
  const posted = await post(fixture.pool, place);
  await fixture.owner`delete from messages where turn_id = ${posted.turnId}`;
  await fixture.owner`delete from turns where id = ${posted.turnId}`;
  expect(await live(place.sessionId)).toBe(0);
});

test("the migration counts the turns that are live as it runs, and the triggers those that follow", async () => {
  const folder = mkdtempSync(join(tmpdir(), "boocode-migrations-"));
  const database = await createDatabase(inject("postgresUrl"));
  const sql = connectPostgres(database.url, { name: "test", connections: 1 });
  try {
    const earlier = readdirSync(MIGRATIONS).filter((name) => name < "0016");
    for (const name of earlier) cpSync(join(MIGRATIONS, name), join(folder, name));
    await migrate(database.url, { folder });
    const [user, project, session, idle] = [randomUUID(), randomUUID(), randomUUID(), randomUUID()];
    await sql`insert into users (id, name, slug) values (${user}, 'u', 'u')`;
    await sql`insert into projects (id, owner_id, name, path) values (${project}, ${user}, 'p', '/p')`;
    for (const id of [session, idle])
      await sql`insert into sessions (id, project_id, owner_id) values (${id}, ${project}, ${user})`;
    const statuses = ["complete", "running", "queued", "cancelled", "failed"];
    for (const [at, status] of statuses.entries())
      await sql`
        insert into turns (id, session_id, owner_id, ordinal, status)
        values (gen_random_uuid(), ${session}, ${user}, ${at}, ${status})`;
    await migrate(database.url, { folder: MIGRATIONS });
    const counts = async () =>
      (await sql<{ live_turns: number }[]>`select live_turns from sessions order by id = ${idle}`).map(
        (row) => row.live_turns,
      );
    expect(await counts()).toEqual([2, 0]);
    await sql`update turns set status = 'cancelling' where status = 'running'`;
    expect(await counts()).toEqual([2, 0]);
    await sql`update turns set status = 'cancelled' where status in ('queued', 'cancelling')`;
    expect(await counts()).toEqual([0, 0]);
  } finally {
    await sql.end({ timeout: 2 });
    await database.drop();
    rmSync(folder, { recursive: true });
  }
});
