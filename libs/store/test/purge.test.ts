import { createHash, randomUUID } from "node:crypto";
import {
  changeSession,
  commitStep,
  createToken,
  deleteMessagesFrom,
  deleteOldSession,
  deleteProject,
  deleteSession,
  deleteUser,
  emptyProject,
  endTurn,
  findOldSessions,
  findProjectsToEmpty,
  findSession,
  indexTexts,
  listMessages,
  postMessage,
  purgeBatch,
  readTurnsFrom,
  regenerateAnswer,
  saveDrafts,
} from "@boocode/store";
import fc from "fast-check";
import { afterEach, expect, test } from "vitest";
import {
  claim,
  newPlace,
  newSession,
  type Place,
  post,
  question,
  reply,
  running,
  turnRow,
  used,
  useStore,
} from "./fixture.ts";
import { toolMessage } from "./older-attempts.ts";

const fixture = useStore({ connections: 12 });
const AT_ONCE = { afterMs: 0, frameLogMs: 0 };
const DAY_MS = 24 * 60 * 60_000;

/** Empties deleted projects and purges until nothing is left. @returns the number of rows of each batch */
async function purgeAll(rule = AT_ONCE): Promise<number[]> {
  while ((await indexTexts(fixture.pool))?.isMore);
  for (const projectId of await findProjectsToEmpty(fixture.pool, 1_000))
    while ((await emptyProject(fixture.pool, projectId)).deleted > 0);
  const batches: number[] = [];
  for (;;) {
    const rows = await purgeBatch(fixture.pool, rule);
    if (rows === 0) return batches;
    if (rows !== null) batches.push(rows);
  }
}

/** The tables that contain a text, in any column of any row. */
async function tablesWith(text: string): Promise<string[]> {
  const tables = await fixture.pool<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = 'public' order by 1`;
  const found: string[] = [];
  for (const { name } of tables) {
    const rows = await fixture.pool`select from ${fixture.pool(name)} t where t::text like ${`%${text}%`} limit 1`;
    if (rows.length > 0) found.push(name);
  }
  return found;
}

afterEach(() => purgeAll());

/** A session with the text in every column that holds text. */
async function fill(place: Place, text: string): Promise<{ messageId: string; questionId: string }> {
  const { pool } = fixture;
  await changeSession(pool, place.ownerId, place.sessionId, { name: text, system_prompt: text });
  const key = { userId: place.ownerId, key: randomUUID(), requestHash: createHash("sha256").update(text).digest() };
  const posted = await postMessage(pool, question(place, text), key);
  if (posted.kind !== "posted") throw new Error(posted.kind);
  await pool`update turns set status = 'cancelled' where session_id = ${place.sessionId} and id <> ${posted.turnId}
    and status = 'queued'`;
  const turn = await claim(pool, posted.turnId);
  const messageId = turn.streaming_message_id as string;
  const fence = { turnId: turn.id, attempt: turn.attempt };
  await pool`update messages set context = ${pool.json({ text })}, error = ${text} where id = ${messageId}`;
  await saveDrafts(pool, [{ ...fence, messageId, content: text, reasoning: text, lastSeq: 2 }]);
  const call = { id: "c", name: "grep", arguments: { text } };
  const step = { ...reply(messageId, text), reasoning: text, toolCalls: [call] };
  await commitStep(pool, fence, { reply: step, step: 0, tools: [{ ...toolMessage(2), content: text }], lastSeq: 3 });
  // What a worker does a moment later: the words of the text.
  while ((await indexTexts(pool))?.isMore);
  const error = { code: "internal" as const, message: text };
  await endTurn(pool, fence, { end: { status: "failed", error }, reply: null, lastSeq: 4 });
  return { messageId, questionId: posted.message.id };
}

test("after the purge of a session no text of it is left in any table", async () => {
  const text = `canary-${randomUUID()}`;
  const place = await newPlace(fixture.pool);
  await fill(place, text);
  expect(await tablesWith(text)).toEqual(["messages", "sessions", "turns"]);
  const word = text.split("-").at(-1) ?? "";
  expect(await tablesWith(word)).toEqual(["messages", "search_words", "sessions", "turns"]);
  await deleteSession(fixture.pool, place.ownerId, place.sessionId);
  await purgeAll();
  expect(await tablesWith(word)).toEqual([]);
  expect(await tablesWith(place.sessionId)).toEqual(["idempotency_keys", "projects"]);
});

test("after the purge of a project no text of it is left, and only the audit log names it", async () => {
  const text = `canary-${randomUUID()}`;
  const place = await newPlace(fixture.pool);
  await fixture.pool`update projects set name = ${text}, path = ${text} where id = ${place.projectId}`;
  await fill(place, text);
  await fill({ ...place, sessionId: await newSession(fixture.pool, place.ownerId, place.projectId) }, text);
  await deleteProject(fixture.pool, place.ownerId, place.projectId);
  await purgeAll();
  expect(await tablesWith(text)).toEqual([]);
  expect(await tablesWith(place.projectId)).toEqual(["audit_events"]);
});

test("deleted messages of a turn that is being cancelled are purged only after its end", async () => {
  const { pool } = fixture;
  const place = await newPlace(pool);
  const { turn, questionId } = await running(pool, place);
  await deleteMessagesFrom(pool, place.ownerId, place.sessionId, questionId);
  const left = async () => (await pool`select from messages where turn_id = ${turn.id}`).length;
  await purgeAll();
  expect([(await turnRow(pool, turn.id)).status, await left()]).toEqual(["cancelling", 2]);
  await endTurn(pool, turn, { end: { status: "cancelled", reason: "user" }, reply: null, lastSeq: 9 });
  await purgeAll();
  expect(await left()).toBe(0);
});

test("the usage of a turn outlives the purge of its session, project and user", async () => {
  const place = await newPlace(fixture.pool);
  const { turn } = await running(fixture.pool, place);
  const usage = [used("answer", 40)];
  await endTurn(fixture.pool, turn, { end: { status: "complete" }, reply: null, lastSeq: 3, usage });
  await deleteUser(fixture.pool, "operator", place.ownerId);
  await purgeAll();
  expect(await tablesWith(place.sessionId)).toEqual(["usage"]);
  expect(await fixture.pool`select prompt_tokens::int as prompt from usage where id = ${turn.id}`).toEqual([
    { prompt: 40 },
  ]);
});

test("after the purge of messages no text of them is left, and their session works on", async () => {
  const { pool } = fixture;
  const [kept, text] = [`kept-${randomUUID()}`, `canary-${randomUUID()}`];
  const place = await newPlace(pool);
  await fill(place, kept);
  const { questionId } = await fill(place, text);
  await changeSession(pool, place.ownerId, place.sessionId, { name: kept, system_prompt: null });
  await deleteMessagesFrom(pool, place.ownerId, place.sessionId, questionId);
  await purgeAll();
  expect(await tablesWith(text)).toEqual([]);
  expect(await tablesWith(kept)).toEqual(["messages", "sessions", "turns"]);
  const list = await listMessages(pool, place.ownerId, place.sessionId, { limit: 100 });
  expect(list?.messages).toHaveLength(3);
  expect((await readTurnsFrom(pool, place.sessionId, 1, 10))?.turns).toMatchObject([
    { turn: { ordinal: 1, error: { message: kept } } },
    { turn: { ordinal: 2, error: { code: "internal", message: "" } }, messages: [] },
  ]);
  expect(await post(pool, place)).toMatchObject({ message: { turn_ordinal: 3 } });
});

test("an answer that a regeneration deleted is purged, and the question is kept", async () => {
  const { pool } = fixture;
  const place = await newPlace(pool);
  const { turn, messageId, questionId } = await running(pool, place);
  const text = `canary-${randomUUID()}`;
  await endTurn(pool, turn, { end: { status: "complete" }, reply: reply(messageId, text), lastSeq: 5 });
  await regenerateAnswer(pool, { ...place, turnId: randomUUID() }, null);
  await purgeAll();
  expect(await tablesWith(text)).toEqual([]);
  const list = await listMessages(pool, place.ownerId, place.sessionId, { limit: 10 });
  expect(list?.messages).toMatchObject([{ id: questionId, content: "why?" }]);
});

test("a repeated request after the purge gets the answer of the first, and announces no frame", async () => {
  const { pool } = fixture;
  const place = await newPlace(pool);
  const key = { userId: place.ownerId, key: "k", requestHash: createHash("sha256").update("x").digest() };
  const first = await postMessage(pool, question(place), key);
  await deleteSession(pool, place.ownerId, place.sessionId);
  await purgeAll();
  const again = await postMessage(pool, question(place), key);
  expect(again).toEqual({ ...first, changes: [expect.objectContaining({ kind: "turn_due" })] });
});

test("nothing is purged before its time", async () => {
  const { pool } = fixture;
  const [session, project, messages] = [await newPlace(pool), await newPlace(pool), await newPlace(pool)];
  for (const place of [session, project]) await fill(place, "text");
  const { messageId } = await fill(messages, "text");
  await deleteSession(pool, session.ownerId, session.sessionId);
  await deleteProject(pool, project.ownerId, project.projectId);
  await deleteMessagesFrom(pool, messages.ownerId, messages.sessionId, messageId);
  const { ownerId: user, ...place } = await newPlace(pool);
  await deleteUser(pool, "operator", user);
  await pool`delete from sessions where project_id = ${place.projectId}`;
  await pool`delete from projects where id = ${place.projectId}`;
  const after = { afterMs: DAY_MS, frameLogMs: 0 };
  expect(await purgeAll(after)).toEqual([]);
  for (const table of ["sessions", "projects", "messages"])
    await pool`update ${pool(table)} set deleted_at = deleted_at - interval '25 hours' where deleted_at is not null`;
  expect((await purgeAll(after)).length).toBeGreaterThan(0);
  for (const place of [session, project]) expect(await tablesWith(place.sessionId)).not.toContain("sessions");
  expect((await listMessages(pool, messages.ownerId, messages.sessionId, { limit: 9 }))?.messages).toHaveLength(1);
});

test("deleted messages stay until no frame log can hold them, so that a gateway knows not to send the log", async () => {
  const { pool } = fixture;
  const place = await newPlace(pool);
  const { messageId } = await fill(place, "text");
  await deleteMessagesFrom(pool, place.ownerId, place.sessionId, messageId);
  await purgeAll({ afterMs: 0, frameLogMs: DAY_MS });
  expect((await readTurnsFrom(pool, place.sessionId, 1, 1))?.turns).toMatchObject([{ hasDeletions: true }]);
});

test("a deleted session is purged only after its turns have ended, whatever their workers write meanwhile", async () => {
  const { pool } = fixture;
  const place = await newPlace(pool);
  const { turn, messageId } = await running(pool, place);
  await deleteSession(pool, place.ownerId, place.sessionId);
  expect(await purgeAll()).toEqual([]);
  const end = {
    end: { status: "cancelled", reason: "session_deleted" } as const,
    reply: reply(messageId, "partial"),
    lastSeq: 9,
  };
  expect(await endTurn(pool, turn, end)).toMatchObject({ changes: [] });
  expect((await turnRow(pool, turn.id)).status).toBe("cancelled");
  await purgeAll();
  expect(await tablesWith(place.sessionId)).toEqual(["projects"]);
  expect(await endTurn(pool, turn, end)).toBe("lost");
  expect(
    await commitStep(pool, turn, { reply: reply(messageId), step: 0, tools: [toolMessage(3)], lastSeq: 99 }),
  ).toBeNull();
  expect(await tablesWith(turn.id)).toEqual([]);
});

/** Adds turns that have ended, with messages, to a session. */
async function addTurns(place: Place, turns: number, messages: number): Promise<void> {
  await fixture.pool`
    with t as (
      insert into turns (id, session_id, owner_id, ordinal, status, attempt)
      select gen_random_uuid(), ${place.sessionId}, ${place.ownerId}, n, 'complete', 1 from generate_series(1, ${turns}::int) n
      returning id, ordinal)
    insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, role, content)
    select gen_random_uuid(), ${place.sessionId}, ${place.ownerId}, t.id, t.ordinal, n, 'tool', 'text'
    from t, generate_series(1, ${messages}::int) n`;
}

test("every batch is small, also for a session with many turns and messages", async () => {
  const place = await newPlace(fixture.pool);
  await addTurns(place, 450, 3);
  await deleteSession(fixture.pool, place.ownerId, place.sessionId);
  const batches = await purgeAll();
  expect(Math.max(...batches)).toBeLessThanOrEqual(200);
  expect(batches.reduce((sum, rows) => sum + rows, 0)).toBe(450 * 3 + 450 + 1);
});

test("at most one process purges at a time, and a locked session is left for later", async () => {
  const [locked, free] = [await newPlace(fixture.pool), await newPlace(fixture.pool)];
  for (const place of [locked, free]) {
    await addTurns(place, 2, 1);
    await deleteSession(fixture.pool, place.ownerId, place.sessionId);
  }
  await fixture.pool.begin(async (sql) => {
    await sql`select from sessions where id = ${locked.sessionId} for no key update`;
    const outcomes = await Promise.all(Array.from({ length: 6 }, () => purgeBatch(fixture.pool, AT_ONCE)));
    expect(outcomes).toContain(null);
    await purgeAll();
    expect(await tablesWith(free.sessionId)).toEqual([]);
    expect(await tablesWith(locked.sessionId)).toEqual(["messages", "sessions", "turns"]);
  });
  await purgeAll();
  expect(await tablesWith(locked.sessionId)).toEqual([]);
});

test("whatever mix of sessions, messages and projects is deleted, the rest stays as it was", async () => {
  const kinds = fc.constantFrom("kept", "session", "messages", "running");
  const projects = fc.array(
    fc.record({ isDeleted: fc.boolean(), sessions: fc.array(kinds, { minLength: 1, maxLength: 4 }) }),
    { minLength: 1, maxLength: 4 },
  );
  await fc.assert(
    fc.asyncProperty(projects, async (wanted) => {
      const { pool } = fixture;
      const kept: Place[] = [];
      const gone: string[] = [];
      for (const project of wanted) {
        const base = await newPlace(pool);
        for (const kind of project.sessions) {
          const place = { ...base, sessionId: await newSession(pool, base.ownerId, base.projectId) };
          const text = `${kind}-${place.sessionId}`;
          await fill(place, text);
          if (kind === "running") await claim(pool, (await post(pool, place, text)).turnId);
          if (kind === "session") await deleteSession(pool, place.ownerId, place.sessionId);
          if (kind === "messages") {
            const lost = `lost-${place.sessionId}`;
            const { messageId } = await fill(place, lost);
            await changeSession(pool, place.ownerId, place.sessionId, { name: "n", system_prompt: null });
            await deleteMessagesFrom(pool, place.ownerId, place.sessionId, messageId);
            await pool`update messages set content = 'question' where session_id = ${place.sessionId} and content = ${lost}`;
            gone.push(lost);
          }
          // A turn that runs in a deleted project keeps its session until it has ended.
          if (kind === "session" || (project.isDeleted && kind !== "running")) gone.push(text);
          else if (!project.isDeleted) kept.push(place);
        }
        if (project.isDeleted) await deleteProject(pool, base.ownerId, base.projectId);
      }
      const read = () =>
        Promise.all(
          kept.flatMap(({ ownerId, sessionId }) => [
            findSession(pool, ownerId, sessionId),
            listMessages(pool, ownerId, sessionId, { limit: 100 }),
          ]),
        );
      const before = await read();
      await purgeAll();
      expect(await read()).toEqual(before);
      for (const text of gone) expect([text, await tablesWith(text)]).toEqual([text, []]);
      await pool`update turns set status = 'cancelled' where status in ('running', 'cancelling')`;
    }),
    { numRuns: 12 },
  );
});

test("a deleted user's data is purged, in projects of others too, and the row stays without a name", async () => {
  const { pool } = fixture;
  const text = `canary-${randomUUID()}`;
  const [mine, other] = [await newPlace(pool), await newPlace(pool)];
  await pool`update users set name = ${text} where id = ${mine.ownerId}`;
  await createToken(pool, { id: randomUUID(), userId: mine.ownerId, tokenHash: Buffer.from(text), name: text });
  await fill(mine, text);
  await pool`insert into grants (user_id, path) values (${mine.ownerId}, ${text})`;
  await pool`insert into project_members (project_id, user_id, role) values (${other.projectId}, ${mine.ownerId}, 'member')`;
  const shared = { ...other, ownerId: mine.ownerId, sessionId: await newSession(pool, mine.ownerId, other.projectId) };
  await fill(shared, text);
  await fill(other, "the other's");
  const before = await listMessages(pool, other.ownerId, other.sessionId, { limit: 10 });
  const slug = () => pool`select slug from users where id = ${mine.ownerId}`;
  const slugBefore = await slug();
  await deleteUser(pool, "operator", mine.ownerId);
  for (const sessionId of await findOldSessions(pool, null, 100)) await deleteOldSession(pool, sessionId, null);
  await purgeAll();
  expect(await tablesWith(text)).toEqual([]);
  // The row itself, and that it was deleted.
  expect(await tablesWith(mine.ownerId)).toEqual(["audit_events", "users"]);
  const [row] = await pool`select name, purged_at is not null as purged from users where id = ${mine.ownerId}`;
  expect(row).toEqual({ name: ` ${mine.ownerId}`, purged: true });
  // It names a folder, which nobody may inherit.
  expect(await slug()).toEqual(slugBefore);
  expect(await findSession(pool, other.ownerId, shared.sessionId)).toBeNull();
  expect(await listMessages(pool, other.ownerId, other.sessionId, { limit: 10 })).toEqual(before);
  expect(await purgeAll()).toEqual([]);
});
