import { randomUUID } from "node:crypto";
import { MAX_ANSWER_BYTES, type MessagePlace, MessageQuery, parseCursor } from "@boocode/contracts";
import { commitStep, endTurn, findMessage, listMessages, type Pool, saveDrafts } from "@boocode/store";
import { beforeAll, describe, expect, test } from "vitest";
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

const list = async (limit: number, before?: string | number, { ownerId, sessionId } = place) => {
  const query = MessageQuery.parse({ limit: String(limit), ...(before && { before: String(before) }) });
  const page = await listMessages(fixture.pool, ownerId, sessionId, query);
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
    for (const next of ["next_before", "turn_ordinal"] as const) {
      pages.length = 0;
      for (let before: string | number | null | undefined, more = true; more; ) {
        const page = await list(limit, before ?? undefined);
        pages.unshift(page.messages.map((message) => message.id));
        before = next === "next_before" ? page.next_before : page.messages[0]?.turn_ordinal;
        more = page.has_more;
      }
      expect(pages.flat()).toEqual(all);
    }
  }
});

test("the messages of one turn are listed in pages that end at a message", async () => {
  const [turn, first] = await fixture.pool<{ id: string; messages: string[] }[]>`
    select turn_id as id, array_agg(id order by position) as messages from messages
    where session_id = ${place.sessionId} group by turn_id, turn_ordinal order by turn_ordinal = 2 desc, turn_ordinal`;
  const { ownerId, sessionId } = place;
  const ofTurn = (turnId: string | undefined, page: { limit: number; before?: MessagePlace }, session = sessionId) =>
    listMessages(fixture.pool, ownerId, session, { ...page, turnId });
  const whole = await ofTurn(turn?.id, { limit: 500 });
  expect(whole?.messages.map(({ id }) => id)).toEqual(turn?.messages);
  expect(whole).toMatchObject({ has_more: false, next_before: null, version: 8, live_turns: [] });
  const newest = await ofTurn(turn?.id, { limit: 4 });
  expect(newest?.messages.map(({ id }) => id)).toEqual(turn?.messages.slice(2));
  expect(newest?.next_before).toBe("2.2");
  const rest = await ofTurn(turn?.id, { limit: 4, before: { turn_ordinal: 2, position: 2 } });
  expect(rest?.messages.map(({ id }) => id)).toEqual(turn?.messages.slice(0, 2));
  expect(rest).toMatchObject({ has_more: false, next_before: null });
  expect(await ofTurn(randomUUID(), { limit: 4 })).toBeNull();
  const other = await newPlace(fixture.pool);
  expect(await listMessages(fixture.pool, other.ownerId, other.sessionId, { limit: 4, turnId: first?.id })).toBeNull();
});

test("a page before the first turn is empty, and no older messages are reported", async () => {
  expect(await list(10, 1)).toMatchObject({ messages: [], has_more: false, version: 8 });
});

test("the cursor of an empty session is before every frame", async () => {
  const empty = await newPlace(fixture.pool);
  const page = await listMessages(fixture.pool, empty.ownerId, empty.sessionId, { limit: 10 });
  expect(page).toEqual({
    messages: [],
    cursor: "0.0.0.0",
    version: 0,
    live_turns: [],
    has_more: false,
    next_before: null,
  });
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

describe("a turn that is longer than an answer can be", () => {
  const OUTPUT = 50_000;
  let long: Place;
  let ids: string[];

  beforeAll(async () => {
    long = await newPlace(fixture.pool);
    const { turn, messageId } = await running(fixture.pool, long);
    const calls = (text: string) => [{ id: "c", name: "grep", arguments: { pattern: text } }];
    const answer = { ...reply(messageId), toolCalls: calls("x".repeat(OUTPUT)) };
    await commitStep(fixture.pool, turn, { reply: answer, step: 0, tools: [toolMessage(2)], lastSeq: 5 });
    // Compressible calls and texts, which take little room in the database; and control characters, which take six bytes of JSON.
    await fixture.owner`
      insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, step, role, content, tool_calls, last_seq, finished_at)
      select gen_random_uuid(), ${long.sessionId}, ${long.ownerId}, ${turn.turnId}, 1, 2 + n, n,
        case when n % 10 = 0 then 'assistant' else 'tool' end, repeat(case when n % 7 = 0 then chr(1) else 'x' end, ${OUTPUT}),
        case when n % 10 = 0 then jsonb_build_array(jsonb_build_object('id', 'c', 'name', 'grep', 'arguments',
          jsonb_build_object('pattern', repeat('y', 1000000)))) end, 5, now()
      from generate_series(1, 1000) as n`;
    const rows = await fixture.pool<{ id: string }[]>`
      select id from messages where session_id = ${long.sessionId} order by turn_ordinal, position`;
    ids = rows.map((row) => row.id);
  });

  test("is listed in pages that end at a message, each within the limit of an answer", async () => {
    const pages: string[][] = [];
    for (let before: string | null = null, more = true; more; ) {
      const page = await list(1, before ?? undefined, long);
      const bytes = Buffer.byteLength(JSON.stringify(page));
      expect(bytes).toBeLessThan(MAX_ANSWER_BYTES);
      if (page.has_more) expect(bytes).toBeGreaterThan(MAX_ANSWER_BYTES / 4);
      pages.unshift(page.messages.map((message) => message.id));
      [before, more] = [page.next_before, page.has_more];
    }
    expect(pages.flat()).toEqual(ids);
    expect(pages.length).toBeGreaterThan(1);
  });

  test("has its longest outputs and arguments shortened, and each such message is whole by itself", async () => {
    const { messages } = await list(1, undefined, long);
    const tool = messages.findLast(({ role }) => role === "tool");
    expect(tool).toMatchObject({ shortened: true });
    expect(tool?.content.length).toBeLessThan(OUTPUT);
    const caller = messages.findLast(({ tool_calls }) => tool_calls);
    expect(caller?.shortened).toBe(true);
    expect(caller?.tool_calls).toEqual([{ id: "c", name: "grep", arguments: {} }]);
    const whole = (id = "") => findMessage(fixture.pool, long.ownerId, long.sessionId, id);
    const [wholeTool, wholeCaller] = [await whole(tool?.id), await whole(caller?.id)];
    expect(wholeTool?.content).toHaveLength(OUTPUT);
    expect(wholeCaller?.tool_calls?.[0]?.arguments.pattern).toHaveLength(1_000_000);
    for (const message of [wholeTool, wholeCaller]) expect(message).not.toHaveProperty("shortened");
  });

  test("a message that is longer than an answer is cut even when it is asked for alone", async () => {
    await fixture.owner`
      update messages set content = repeat(chr(1), 3000000), reasoning = repeat('r', 3000000) where id = ${ids.at(-1) ?? ""}`;
    const found = await findMessage(fixture.pool, long.ownerId, long.sessionId, ids.at(-1) ?? "");
    expect(found?.shortened).toBe(true);
    expect(Buffer.byteLength(JSON.stringify(found))).toBeLessThan(MAX_ANSWER_BYTES);
    const page = await list(1, undefined, long);
    expect(page.messages.map(({ id }) => id)).toEqual(ids.slice(-1));
    expect(Buffer.byteLength(JSON.stringify(page))).toBeLessThan(MAX_ANSWER_BYTES);
  });
});

test("outputs are whole as long as a page fits into an answer", async () => {
  const page = await list(1_000);
  expect(page.messages.some(({ shortened }) => shortened)).toBe(false);
});
