import { randomUUID } from "node:crypto";
import { pageQuery } from "@boocode/contracts";
import { listProjects, listSessions } from "@boocode/store";
import { beforeAll, expect, test } from "vitest";
import { newPlace, newProject, newUser, type Place, useStore } from "./fixture.ts";

const fixture = useStore();
/** Also of the index: a page of a project with this many sessions must not read them all. */
const SESSIONS = 20_000;

let place: Place;

beforeAll(async () => {
  place = await newPlace(fixture.pool);
  // Many have the same time, and times differ by microseconds.
  await fixture.owner`
    insert into sessions (id, project_id, owner_id, updated_at)
    select gen_random_uuid(), ${place.projectId}, ${place.ownerId}, now() - (n / 7) * interval '1 microsecond'
    from generate_series(1, ${SESSIONS}::int) as n`;
  await fixture.owner`analyze sessions`;
});

const query = (limit: number, before: string | null) =>
  pageQuery(1_000).parse({ limit: String(limit), ...(before === null ? {} : { before }) });

test("the pages of a project's sessions hold each session once, in one order", async () => {
  const read = async (limit: number) => {
    const ids: string[] = [];
    for (let before: string | null = null, more = true; more; ) {
      const page = await listSessions(fixture.pool, place.ownerId, place.projectId, query(limit, before));
      expect(page.sessions.length).toBeLessThanOrEqual(limit);
      ids.push(...page.sessions.map(({ id }) => id));
      expect(page.next_before === null).toBe(!page.has_more);
      [before, more] = [page.next_before, page.has_more];
      if (ids.length >= 2_000) break;
    }
    return ids;
  };
  const ids = await read(1_000);
  expect(new Set(ids).size).toBe(2_000);
  expect(await read(83)).toEqual([...ids, ...(await read(83)).slice(2_000)]);
});

test("the pages of projects hold the newest first, each with the oldest first, and miss none that is added meanwhile", async () => {
  const ownerId = await newUser(fixture.pool);
  const ids: string[] = [];
  for (let i = 0; i < 5; i++) ids.push(await newProject(fixture.pool, ownerId));
  const newest = await listProjects(fixture.pool, ownerId, query(2, null));
  await newProject(fixture.pool, ownerId);
  const middle = await listProjects(fixture.pool, ownerId, query(2, newest.next_before));
  const oldest = await listProjects(fixture.pool, ownerId, query(2, middle.next_before));
  expect([oldest, middle, newest].flatMap(({ projects }) => projects.map(({ id }) => id))).toEqual(ids);
  expect([newest.has_more, middle.has_more, oldest.has_more]).toEqual([true, true, false]);
});

test("a page of a project with many sessions is read by an index", async () => {
  const before = { micros: String(Date.now() * 1_000 - 1_000), id: randomUUID() };
  for (const page of [{ limit: 100 }, { limit: 100, before }]) {
    const pages = await fixture.pool.begin(async (sql) => {
      const read = async () =>
        (
          await sql<{ blocks: number }[]>`
            select (pg_stat_get_xact_blocks_fetched('sessions_in_order'::regclass)
              + pg_stat_get_xact_blocks_fetched('sessions'::regclass))::int as blocks`
        )[0]?.blocks ?? 0;
      const start = await read();
      await listSessions(sql, place.ownerId, place.projectId, page);
      return (await read()) - start;
    });
    expect(pages).toBeLessThan(300);
  }
});
