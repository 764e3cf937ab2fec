import { randomUUID } from "node:crypto";
import { parseCursor } from "@boocode/contracts";
import { commitStep, endTurn, listMessages, type Pool, saveDrafts } from "@boocode/store";
import { beforeAll, expect, test } from "vitest";
import { newPlace, type Place, reply, running, untilBlocked, useStore } from "./fixture.ts";
import { toolMessage } from "./older-attempts.ts";

const fixture = useStore();

/** A session whose turns have 2, 6, 3 and 2 messages. */
let place: Place;
let all: string[];

beforeAll(async () => {
  place = await newPlace(fixture.pool);
  for (const tools of [0, 4, 1, 0]) {
    const { turn, messageId } = await running(fixture.pool, place);
    const results = Array.from({ length: tools }, (_, i) => toolMessage(2 + i));
    await commitStep(fixture.pool, turn, { reply: reply(messageId), step: 0, tools: results, lastSeq: 5 });
    await endTurn(fixture.pool, turn, { end: { status: "complete" }, reply: null, lastSeq: 6 });
  }
  const rows = await fixture.pool<{ id: string }[]>`
    select id from messages where session_id = ${place.sessionId} order by turn_ordinal, position`;
  all = rows.map((row) => row.id);
});

const list = async (limit: number, before?: number) => {
  const page = await listMessages(fixture.pool, place.ownerId, place.sessionId, { limit, before });
  if (!page) throw new Error("no such session");
  return page;
};

test("messages are listed in the order of the conversation, with cursor and version", async () => {
  const page = await list(100);
  expect(page.messages.map((message) => message.id)).toEqual(all);
  expect(page).toMatchObject({ has_more: false, version: 8 });
  expect(parseCursor(page.cursor)).toMatchObject({ epoch: { ordinal: 4, attempt: 1 }, seq: 6 });
});

test.each([
  [13, [1, 2, 3, 4], false],
  [12, [2, 3, 4], true],
  [11, [2, 3, 4], true],
  [10, [3, 4], true],
  [5, [3, 4], true],
  [4, [4], true],
  [1, [4], true],
])("a page of at most %i messages holds the turns %j", async (limit, turns, more) => {
  const page = await list(limit);
  expect([...new Set(page.messages.map((message) => message.turn_ordinal))]).toEqual(turns);
  expect(page.has_more).toBe(more);
  expect(page.messages.map((message) => message.id)).toEqual(all.slice(-page.messages.length));
});

test("paging to the beginning returns every message once, for any limit", async () => {
  for (const limit of [1, 2, 3, 5, 6, 7, 100]) {
    const pages: string[][] = [];
    for (let before: number | undefined, more = true; more; ) {
      const page = await list(limit, before);
      pages.unshift(page.messages.map((message) => message.id));
      before = page.messages[0]?.turn_ordinal;
      more = page.has_more;
    }
    expect(pages.flat()).toEqual(all);
  }
});

test("a page before the first turn is empty, and no older messages are reported", async () => {
  expect(await list(10, 1)).toMatchObject({ messages: [], has_more: false, version: 8 });
});

test("the cursor of an empty session is before every frame", async () => {
  const empty = await newPlace(fixture.pool);
  const page = await listMessages(fixture.pool, empty.ownerId, empty.sessionId, { limit: 10 });
  expect(page).toEqual({ messages: [], cursor: "0.0.0.0", version: 0, live_turns: [], has_more: false });
});

test("the list of another user's, a deleted or an unknown session is null", async () => {
  const gone = await newPlace(fixture.pool);
  await fixture.pool`update sessions set deleted_at = now() where id = ${gone.sessionId}`;
  for (const [owner, session] of [
    [randomUUID(), place.sessionId],
    [gone.ownerId, gone.sessionId],
    [place.ownerId, randomUUID()],
  ] as const) {
    expect(await listMessages(fixture.pool, owner, session, { limit: 10 })).toBeNull();
  }
});

test("text and cursor come from one snapshot while drafts are being saved", async () => {
  const live = await newPlace(fixture.pool);
  const { turn, messageId } = await running(fixture.pool, live);
  let writing = true;
  const writer = (async () => {
    for (let seq = 3; seq < 150; seq++) {
      const draft = { ...turn, messageId, content: "x".repeat(seq), reasoning: null, lastSeq: seq };
      await saveDrafts(fixture.pool, [draft]);
    }
    writing = false;
  })();
  const seen = new Set<number>();
  while (writing) {
    const page = await listMessages(fixture.pool, live.ownerId, live.sessionId, { limit: 10 });
    const seq = parseCursor(page?.cursor ?? "")?.seq ?? -1;
    const length = page?.messages.at(-1)?.content.length ?? -1;
    expect(length).toBe(seq > 2 ? seq : 0);
    seen.add(seq);
  }
  await writer;
  expect(seen.size).toBeGreaterThan(3);
});

test("a draft and an end that are committed during a listing are not in it", async () => {
  const live = await newPlace(fixture.pool);
  const { turn, messageId } = await running(fixture.pool, live);
  const other = fixture.pool.begin(async (sql) => {
    // The listing waits for this lock only after it has read the session and its turn.
    await sql`lock table messages in access exclusive mode`;
    const listing = listMessages(fixture.pool, live.ownerId, live.sessionId, { limit: 10 });
    await untilBlocked(fixture.pool);
    await saveDrafts(sql as unknown as Pool, [{ ...turn, messageId, content: "new", reasoning: null, lastSeq: 9 }]);
    await sql`update turns set status = 'complete', finished_at = now() where id = ${turn.id}`;
    return { listing };
  });
  const page = await (await other).listing;
  expect(parseCursor(page?.cursor ?? "")?.seq).toBe(2);
  expect(page?.messages.at(-1)?.content).toBe("");
  expect(page?.live_turns.map(({ id, status }) => [id, status])).toEqual([[turn.id, "running"]]);
});
