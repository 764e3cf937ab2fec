import { deleteMessagesFrom, endTurn, readTurnsBefore, type Sql } from "@boocode/store";
import { expect, test } from "vitest";
import { committedOf, newPlace, type Place, post, reply, running, useStore } from "./fixture.ts";

const fixture = useStore();

async function answered(place: Place, content: string) {
  const { turn, messageId, questionId } = await running(fixture.pool, place);
  await endTurn(fixture.pool, turn, { end: { status: "complete" }, reply: reply(messageId, content), lastSeq: 5 });
  return { turn, messageId, questionId };
}

const earlier = (sql: Sql, { sessionId }: Place, before: number, turns: number | null, from = 1) =>
  readTurnsBefore(sql, { sessionId, before, from, turns, elideBelow: 0, elideOver: 0, withReasoning: true });

const texts = (pages: { content: string }[][]) => pages.map((page) => page.map((message) => message.content));

test("earlier turns are read whole, newest first, in pages", async () => {
  const place = await newPlace(fixture.pool);
  for (let i = 1; i <= 5; i++) await answered(place, `answer ${i}`);
  const first = await earlier(fixture.pool, place, 5, 2);
  expect(texts(first)).toEqual([
    ["why?", "answer 4"],
    ["why?", "answer 3"],
  ]);
  const second = await earlier(fixture.pool, place, first.at(-1)?.[0]?.turn_ordinal ?? 0, 10);
  expect(texts(second)).toEqual([
    ["why?", "answer 2"],
    ["why?", "answer 1"],
  ]);
  expect(await earlier(fixture.pool, place, 1, 10)).toEqual([]);
  const bounded = await earlier(fixture.pool, place, 5, null, 3);
  expect(texts(bounded)).toEqual(texts(first));
});

test("deleted turns do not count towards the size of a page, and streaming messages are left out", async () => {
  const place = await newPlace(fixture.pool);
  await answered(place, "kept");
  const { questionId } = await answered(place, "deleted");
  await deleteMessagesFrom(fixture.pool, place.ownerId, place.sessionId, questionId);
  const { turn } = await running(fixture.pool, place);
  await post(fixture.pool, place);
  expect(texts(await earlier(fixture.pool, place, turn.ordinal, 1))).toEqual([["why?", "kept"]]);
  expect(texts(await earlier(fixture.pool, place, 99, 2))).toEqual([["why?"], ["why?"]]);
  expect((await committedOf(fixture.pool, turn.id)).map((message) => message.role)).toEqual(["user"]);
});

test("a page of a session with two thousand turns reads only the rows of that page", async () => {
  const place = await newPlace(fixture.pool);
  await fixture.pool`
    with t as (
      insert into turns (id, session_id, owner_id, ordinal, status)
      select gen_random_uuid(), ${place.sessionId}, ${place.ownerId}, n, 'complete' from generate_series(1, 2000) n
      returning id, ordinal
    )
    insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, role, content)
    select gen_random_uuid(), ${place.sessionId}, ${place.ownerId}, t.id, t.ordinal, p,
      case p when 0 then 'user' else 'assistant' end, 'text'
    from t, generate_series(0, 1) p`;
  await fixture.pool`analyze turns, messages`;
  const rowsRead = async (sql: Sql) => {
    const [row] = await sql<[{ rows: number }]>`
      select sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int as rows from pg_stat_xact_user_tables
      where relname in ('turns', 'messages')`;
    return row.rows;
  };
  const { pages, rows } = await fixture.pool.begin(async (sql) => {
    const before = await rowsRead(sql);
    const pages = await earlier(sql, place, 1_500, 10);
    return { pages, rows: (await rowsRead(sql)) - before };
  });
  expect(pages.map((page) => page[0]?.turn_ordinal)).toEqual([...Array(10).keys()].map((i) => 1_499 - i));
  expect(rows).toBeGreaterThanOrEqual(20);
  expect(rows).toBeLessThan(200);
});
