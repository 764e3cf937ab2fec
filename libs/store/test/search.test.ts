import { randomUUID } from "node:crypto";
import { pageQuery, type SessionList } from "@boocode/contracts";
import * as store from "@boocode/store";
import { beforeEach, describe, expect, test } from "vitest";
import {
  newPlace,
  newProject,
  newSession,
  newUser,
  type Place,
  post,
  reply,
  running,
  untilBlocked,
  useStore,
} from "./fixture.ts";

const fixture = useStore();

/** Writes the words of all texts, as workers do. */
async function indexAll(): Promise<void> {
  while ((await store.indexTexts(fixture.pool))?.isMore);
}

const page = (limit: number, before: string | null) =>
  pageQuery(50).parse({ limit: String(limit), ...(before === null ? {} : { before }) });

async function search(userId: string, query: string, projectId?: string): Promise<SessionList["sessions"]> {
  return (await store.searchTexts(fixture.pool, { userId, projectId, query, limit: 50 })).sessions;
}
const idsOf = async (userId: string, query: string, projectId?: string) =>
  (await search(userId, query, projectId)).map(({ id }) => id);

/** A turn with a question and an answer. */
async function answered(place: Place, content: string) {
  const { turn, messageId, questionId } = await running(fixture.pool, place);
  await store.endTurn(fixture.pool, turn, {
    end: { status: "complete" },
    reply: reply(messageId, content),
    lastSeq: 3,
  });
  return { turnId: turn.id, messageId, questionId };
}

// What is new is read by the search itself; its words are written a moment later. There is no difference.
describe.each([
  ["at once", async () => {}],
  ["by its words", indexAll],
])("%s", (_, written) => {
  let place: Place;
  beforeEach(async () => {
    place = await newPlace(fixture.pool);
  });

  test("questions, answers and names are found, with the match, its message and its turn", async () => {
    const { messageId, turnId } = await answered(place, "See `src/a.ts:12`: fooBar calls 検索機能.");
    await store.changeSession(fixture.pool, place.ownerId, place.sessionId, { name: "How fooBar works" });
    await written();
    const [session] = await search(place.ownerId, "foobar");
    expect(session).toMatchObject({ id: place.sessionId, project_id: place.projectId, name: "How fooBar works" });
    expect(session?.matches?.map((match) => [match.in, match.message_id, match.turn_id])).toEqual([
      ["answer", messageId, turnId],
      ["name", null, null],
    ]);
    for (const query of ["Bar", "src/a.ts", "a.ts:1", "検索", "索", "why", "FOOBAR 検索", "works"]) {
      expect([query, await idsOf(place.ownerId, query)]).toEqual([query, [place.sessionId]]);
      const [match] = (await search(place.ownerId, query))[0]?.matches ?? [];
      const { text = "", ranges = [] } = match?.excerpt ?? {};
      const terms = query.toLowerCase().split(" ");
      expect(ranges.map(({ start, end }) => text.slice(start, end).toLowerCase())).toEqual(terms);
    }
    for (const query of ["ooBar", "src/b.ts", "f%", "foo_ar", "fooBar absent", "機検"])
      expect([query, await idsOf(place.ownerId, query)]).toEqual([query, []]);
    expect(await idsOf(place.ownerId, "foobar", await newProject(fixture.pool, place.ownerId))).toEqual([]);
  });

  test("what is deleted, regenerated, renamed or not shared is not found", async () => {
    const { pool } = fixture;
    const other = await newUser(pool);
    const [shared, first] = [{ ...place }, await answered(place, "alpha answer")];
    await written();
    const as = { userId: place.ownerId, tokenId: null };
    expect(await idsOf(other, "alpha")).toEqual([]);
    await store.setMember(pool, as, shared.projectId, { name: other, role: "reader" });
    expect([await idsOf(other, "alpha"), await idsOf(other, "alpha", shared.projectId)]).toEqual([
      [place.sessionId],
      [place.sessionId],
    ]);
    await store.removeMember(pool, as, shared.projectId, other);
    expect([await idsOf(other, "alpha"), await idsOf(other, "alpha", shared.projectId)]).toEqual([[], []]);

    await store.regenerateAnswer(
      pool,
      { ownerId: place.ownerId, sessionId: place.sessionId, turnId: randomUUID() },
      null,
    );
    await written();
    expect([await idsOf(place.ownerId, "alpha"), await idsOf(place.ownerId, "why")]).toEqual([[], [place.sessionId]]);
    await store.deleteMessagesFrom(pool, place.ownerId, place.sessionId, first.questionId);
    expect(await idsOf(place.ownerId, "why")).toEqual([]);

    for (const name of ["beta", "gamma"]) {
      await store.changeSession(pool, place.ownerId, place.sessionId, { name });
      await written();
    }
    expect([await idsOf(place.ownerId, "beta"), await idsOf(place.ownerId, "gamma")]).toEqual([[], [place.sessionId]]);
    await store.deleteSession(pool, place.ownerId, place.sessionId);
    expect(await idsOf(place.ownerId, "gamma")).toEqual([]);
    const second = await newSession(pool, place.ownerId, place.projectId);
    await store.changeSession(pool, place.ownerId, second, { name: "gamma" });
    await written();
    expect(await idsOf(place.ownerId, "gamma")).toEqual([second]);
    await store.deleteProject(pool, place.ownerId, place.projectId);
    expect(await idsOf(place.ownerId, "gamma")).toEqual([]);
  });

  test("pages hold each session once, the one with the newest match first", async () => {
    const { pool, owner } = fixture;
    const sessions: string[] = [];
    for (let at = 0; at < 7; at++) sessions.push(await newSession(pool, place.ownerId, place.projectId));
    // Messages of all sessions in turn, so that each session has matches between those of others.
    for (let round = 0; round < 3; round++)
      for (const sessionId of sessions) await post(pool, { ...place, sessionId }, `needle ${round}`);
    await owner`update messages set created_at = now() - interval '1 day' * random() where session_id = any(${sessions}::uuid[])`;
    await written();
    const newest = await pool<{ session_id: string }[]>`
      select session_id from messages where session_id = any(${sessions}::uuid[])
      group by session_id order by max(created_at) desc`;
    for (const limit of [1, 2, 3, 50]) {
      const ids: string[] = [];
      for (let before: string | null = null, more = true; more; ) {
        const found: SessionList = await store.searchTexts(pool, {
          userId: place.ownerId,
          query: "needle",
          ...page(limit, before),
        });
        ids.push(...found.sessions.map(({ id }) => id));
        [before, more] = [found.next_before, found.has_more];
        expect([found.sessions.length <= limit, before === null]).toEqual([true, !more]);
      }
      expect([limit, ids]).toEqual([limit, newest.map((row) => row.session_id)]);
    }
  });
});

test("texts that are older than the search are found after the backfill, in steps, and those of others never", async () => {
  const { pool, owner } = fixture;
  const [mine, theirs] = [await newPlace(pool), await newPlace(pool)];
  for (const place of [mine, theirs]) {
    for (let at = 0; at < 3; at++)
      await post(pool, { ...place, sessionId: await newSession(pool, place.ownerId, place.projectId) }, "ancient text");
    await store.changeSession(pool, place.ownerId, place.sessionId, { name: "ancient name" });
  }
  await owner`truncate search_queue, search_words, search_blocks`;
  await owner`insert into search_backfill (project_id) select id from projects where deleted_at is null on conflict do nothing`;
  expect(await idsOf(mine.ownerId, "ancient")).toEqual([]);
  // A new text does not wait for the old ones.
  await post(pool, mine, "ancient, but new");
  expect(await idsOf(mine.ownerId, "ancient")).toEqual([mine.sessionId]);
  await indexAll();
  expect(await owner`select from search_backfill`).toHaveLength(0);
  expect((await idsOf(mine.ownerId, "ancient")).length).toBe(4);
  const [row] = await owner<{ words: number; texts: number }[]>`
    select (select count(*) from search_words) as words, (select count(*) from messages where role <> 'tool' and status <> 'streaming')
      + (select count(*) from sessions where name is not null) as texts`;
  expect(row?.words).toBeGreaterThan(7);
  await owner`insert into search_backfill (project_id) select id from projects where deleted_at is null`;
  await indexAll();
  expect(await owner`select from search_words`).toHaveLength(row?.words ?? 0);
});

test("any text can be written, gets words, and is found again", async () => {
  const { pool } = fixture;
  const place = await newPlace(pool);
  const many = (make: (at: number) => string, count: number) =>
    Array.from({ length: count }, (_, at) => make(at)).join(" ");
  const hostile = [
    many((at) => `w${at}`, 100_000),
    `start ${"x".repeat(1_000_000)}`,
    "aB".repeat(50_000),
    "検索".repeat(30_000),
    many((at) => String.fromCodePoint(0x20000 + at), 20_000),
    "'",
    "\\ ' : * & | ! <-> ( )",
    "':*'::tsquery",
    "%_%",
    "\u0301\u200d\ufe0f",
    "<script>alert(1)</script>",
    " ",
    "\u{10ffff}",
  ];
  for (const text of hostile) await post(pool, place, text);
  await indexAll();
  expect(await pool`select from search_queue`).toHaveLength(0);
  for (const query of [
    "w99",
    "start",
    "検索検索",
    "script",
    "tsquery",
    "<script>",
    "':*'::tsq",
    String.fromCodePoint(0x20007),
  ])
    expect([query, await idsOf(place.ownerId, query)]).toEqual([query, [place.sessionId]]);
});

test("a search that looks at many texts in vain ends, and its pages go on", async () => {
  const { owner, pool } = fixture;
  const place = await newPlace(pool);
  const { turnId } = await post(pool, place, "one/two the oldest");
  await owner`
    insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, role, content, created_at)
    select gen_random_uuid(), ${place.sessionId}, ${place.ownerId}, ${turnId}, 1, n, 'user', 'one two', now() + n * interval '1 ms'
    from generate_series(1, 1200) n`;
  await indexAll();
  let pages = 0;
  const found: string[] = [];
  for (let before: string | null = null, more = true; more; pages++) {
    const start = performance.now();
    const answer: SessionList = await store.searchTexts(pool, {
      userId: place.ownerId,
      query: "one/two",
      ...page(10, before),
    });
    expect(performance.now() - start).toBeLessThan(5_000);
    found.push(...answer.sessions.map(({ id }) => id));
    [before, more] = [answer.next_before, answer.has_more];
  }
  expect([pages > 2, found]).toEqual([true, [place.sessionId]]);
});

test("texts of several projects, each in several blocks, come in the order of their time", async () => {
  const { owner, pool } = fixture;
  const ownerId = await newUser(pool);
  // The blocks of the first project are short in time, those of the last one long.
  for (const seconds of [1, 8, 20]) {
    const projectId = await newProject(pool, ownerId);
    for (let at = 9; at >= 0; at--) {
      const sessionId = await newSession(pool, ownerId, projectId);
      const { turnId } = await post(pool, { ownerId, projectId, sessionId }, "first");
      await owner`
        insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, role, content, created_at)
        select gen_random_uuid(), ${sessionId}, ${ownerId}, ${turnId}, 1, n, 'user', 'needle',
          now() - (${at * 60} + 60 - n) * ${seconds} * interval '1 s'
        from generate_series(1, 60) n`;
    }
  }
  await indexAll();
  const newest = await pool<{ session_id: string }[]>`
    select session_id from messages where content = 'needle' and owner_id = ${ownerId}
    group by session_id order by max(created_at) desc, max(id::text) desc`;
  const ids: string[] = [];
  for (let before: string | null = null, more = true; more; ) {
    const found: SessionList = await store.searchTexts(pool, { userId: ownerId, query: "needle", ...page(3, before) });
    ids.push(...found.sessions.map(({ id }) => id));
    [before, more] = [found.next_before, found.has_more];
  }
  expect(ids).toEqual(newest.map((row) => row.session_id));
});

test("a message that is purged while its words are written leaves none, and the queue goes on", async () => {
  const { pool, owner } = fixture;
  const place = await newPlace(pool);
  await indexAll();
  const { message } = await post(pool, place, "vanishing");
  await post(pool, place, "staying");
  let indexing: Promise<unknown> | undefined;
  await owner.begin(async (sql) => {
    await sql`delete from messages where id = ${message.id}`;
    indexing = store.indexTexts(pool).catch(() => "failed");
    await untilBlocked(pool);
  });
  await indexing;
  await indexAll();
  expect(await pool`select from search_words where message_id = ${message.id}`).toHaveLength(0);
  expect(await idsOf(place.ownerId, "staying")).toEqual([place.sessionId]);
});

test("projects are found by their names, in pages", async () => {
  const { pool } = fixture;
  const userId = await newUser(pool);
  const named = async (name: string) => {
    const id = randomUUID();
    await store.createProject(pool, { id, ownerId: userId, name, path: "/tmp" });
    return id;
  };
  const ids = [await named("webShop"), await named("other"), await named("ショップ shop"), await named("SHOP 2")];
  const find = (query: string, limit = 50, before: string | null = null) =>
    store.searchProjects(pool, userId, { query, ...page(limit, before) });
  const newest = await find("shop", 2);
  expect(newest.projects.map(({ id, role, match }) => [id, role, match?.ranges])).toEqual([
    [ids[2], "owner", [{ start: 5, end: 9 }]],
    [ids[3], "owner", [{ start: 0, end: 4 }]],
  ]);
  const oldest = await find("shop", 2, newest.next_before);
  expect([oldest.projects.map(({ id }) => id), oldest.has_more]).toEqual([[ids[0]], false]);
  expect((await find("ップ")).projects.map(({ id }) => id)).toEqual([ids[2]]);
  expect((await store.searchProjects(pool, await newUser(pool), { query: "shop", limit: 9 })).projects).toEqual([]);
});

test("all sessions of a user are listed in pages, those used last first", async () => {
  const { pool } = fixture;
  const [mine, theirs] = [await newPlace(pool), await newPlace(pool)];
  const second = await newPlace(pool, mine.ownerId);
  await newSession(pool, mine.ownerId, mine.projectId);
  await post(pool, mine);
  const all = (await store.listAllSessions(pool, mine.ownerId, { limit: 50 })).sessions.map(({ id }) => id);
  expect([all.length, all[0], all.includes(second.sessionId), all.includes(theirs.sessionId)]).toEqual([
    3,
    mine.sessionId,
    true,
    false,
  ]);
  const first = await store.listAllSessions(pool, mine.ownerId, page(2, null));
  const rest = await store.listAllSessions(pool, mine.ownerId, page(2, first.next_before));
  expect([...first.sessions, ...rest.sessions].map(({ id }) => id)).toEqual(all);
});
