import { createHash, randomUUID } from "node:crypto";
import { type Citation, LIMIT_NAMES, MAX_FORK, type ShownFile, type UserLimits } from "@boocode/contracts";
import * as store from "@boocode/store";
import { expect, test } from "vitest";
import {
  dump,
  newPlace,
  newUser,
  type Place,
  post,
  question,
  reply,
  running,
  sessionsOf,
  untilBlocked,
  used,
  useStore,
} from "./fixture.ts";
import { toolMessage } from "./older-attempts.ts";

const fixture = useStore({ connections: 12 });

const CITATION: Citation = { start: 0, end: 6, path: "a.ts", first: 1, last: 1, level: "shown" };
const EVIDENCE: ShownFile[] = [{ path: "a.ts", ranges: [{ first: 1, last: 1, at: 0, skip: 0, hash: "h" }] }];

/** A turn with a call of a tool and an answer that cites. */
async function answered(place: Place, content = "because") {
  const { turn, messageId, questionId } = await running(fixture.pool, place);
  const tools = [{ ...toolMessage(2), content: "the line", evidence: EVIDENCE }];
  await store.commitStep(fixture.pool, turn, { reply: reply(messageId, "let me see"), step: 0, tools, lastSeq: 5 });
  const last = { id: randomUUID(), position: 3, step: 1, model: "m", lastSeq: 6 };
  await store.startMessage(fixture.pool, turn, last);
  const end = { reply: { ...reply(last.id, content), citations: [CITATION] }, lastSeq: 9, usage: [used("answer", 7)] };
  await store.endTurn(fixture.pool, turn, { end: { status: "complete" }, ...end });
  return { turnId: turn.id, questionId, answerId: last.id };
}

type Fork = Parameters<typeof store.forkSession>[1];
const fork = (place: Place, turn_id: string, more: Partial<Fork> = {}, key: store.IdempotencyKey | null = null) =>
  store.forkSession(fixture.pool, { ...place, id: randomUUID(), turn_id, ...more }, key);

async function forked(place: Place, turnId: string, more: Partial<Fork> = {}) {
  const outcome = await fork(place, turnId, more);
  if (outcome.kind !== "forked") return expect.fail(outcome.kind);
  return outcome;
}

const rowsOf = async (table: "turns" | "messages", sessionId: string) =>
  (
    await fixture.pool<{ row: Record<string, unknown> }[]>`
      select to_jsonb(t) as row from ${fixture.pool(table)} t where session_id = ${sessionId}
      order by ${table === "turns" ? fixture.pool`ordinal` : fixture.pool`turn_ordinal, position`}`
  ).map(({ row }) => row);

const only = (limits: Partial<UserLimits>): UserLimits => ({
  ...(Object.fromEntries(LIMIT_NAMES.map((name) => [name, null])) as UserLimits),
  ...limits,
});

/** Columns that a copy has for itself; of a turn also what a worker and the counting of usage need. */
const OWN = ["id", "session_id", "owner_id", "turn_id"];
const OF_TURN = [...OWN, "usage", "usage_has_draft", "token_id", "worker_id", "run_slot", "due_at", "lease_until"];

test("a fork has every column of every message and turn up to its turn, under new ids, and is independent of its source", async () => {
  const place = await newPlace(fixture.pool);
  await store.changeSession(fixture.pool, place.ownerId, place.sessionId, {
    name: "Source",
    model: "m",
    system_prompt: "p",
  });
  await answered(place, "one");
  const deleted = await answered(place, "two");
  await store.deleteMessagesFrom(fixture.pool, place.ownerId, place.sessionId, deleted.questionId);
  const last = await answered(place, "three");
  await answered(place, "four");
  const { session, changes } = await forked(place, last.turnId);
  expect(session).toMatchObject({
    name: "Fork of Source",
    auto_named: false,
    model: "m",
    system_prompt: "p",
    busy: false,
  });
  expect(session.owner?.id).toBe(place.ownerId);
  expect(changes).toMatchObject([{ kind: "list", frame: { type: "session_created", session: { id: session.id } } }]);

  const without = (names: string[]) => (row: Record<string, unknown>) =>
    Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)));
  const [messages, turns] = [await rowsOf("messages", session.id), await rowsOf("turns", session.id)];
  const expected = (await rowsOf("messages", place.sessionId)).filter(
    (row) => row.deleted_at === null && (row.turn_ordinal as number) <= 3,
  );
  expect(messages.map(without(OWN))).toEqual(expected.map(without(OWN)));
  expect(messages.map(({ role }) => role)).toEqual([
    "user",
    "assistant",
    "tool",
    "assistant",
    "user",
    "assistant",
    "tool",
    "assistant",
  ]);
  expect(turns.map(without(OF_TURN))).toEqual(
    (await rowsOf("turns", place.sessionId))
      .filter(({ ordinal }) => ordinal === 1 || ordinal === 3)
      .map(without(OF_TURN)),
  );
  const ids = new Set([...messages, ...turns].map(({ id }) => id));
  for (const row of await rowsOf("messages", place.sessionId)) expect(ids.has(row.id)).toBe(false);

  // Its citations lead to the lines as the model saw them, also without the source.
  await store.deleteSession(fixture.pool, place.ownerId, place.sessionId);
  await fixture.pool`update sessions set deleted_at = now() - interval '1 day' where id = ${place.sessionId}`;
  while ((await store.purgeBatch(fixture.pool, { afterMs: 0, frameLogMs: 0 })) !== 0);
  expect(await rowsOf("messages", place.sessionId)).toEqual([]);
  const at = { sessionId: session.id, messageId: messages.at(-1)?.id as string, index: 0 };
  expect(await store.readCitationShowings(fixture.pool, place.ownerId, at)).toMatchObject({
    citation: CITATION,
    showings: [{ content: "the line" }, { content: "the line" }],
  });
  // It goes on with the next ordinal.
  expect((await post(fixture.pool, { ...place, sessionId: session.id })).message.turn_ordinal).toBe(4);
});

test("a fork counts the stored bytes exactly, and neither calls of tools nor tokens a second time", async () => {
  const place = await newPlace(fixture.pool);
  const { turnId } = await answered(place);
  const usage = () =>
    store.readUsage(fixture.pool, place.ownerId, { by: ["user"], from: "2000-01-01", to: "2100-01-01", limit: 9 });
  const [before, usageBefore] = [await store.readCounts(fixture.pool, place.ownerId), await usage()];
  const { session } = await forked(place, turnId);
  const after = await store.readCounts(fixture.pool, place.ownerId);
  expect(after).toEqual({
    ...before,
    sessions: before.sessions + 1,
    stored_bytes: before.stored_bytes * 2,
    bytes_per_day: before.bytes_per_day * 2,
  });
  expect(await usage()).toEqual(usageBefore);
  await store.addStorageChanges(fixture.pool);
  expect(await store.readCounts(fixture.pool, place.ownerId)).toEqual(after);
  await fixture.pool`delete from messages where session_id = ${session.id}`;
  expect((await store.readCounts(fixture.pool, place.ownerId)).stored_bytes).toBe(before.stored_bytes);
});

test("of ten forks at the edge of a limit as many pass as there is room for, and a refused one leaves nothing", async () => {
  for (const limit of ["sessions", "stored_bytes"] as const) {
    const place = await newPlace(fixture.pool);
    const { turnId } = await answered(place);
    const used = (await store.readCounts(fixture.pool, place.ownerId))[limit];
    const limits = only({ [limit]: limit === "sessions" ? 4 : used * 4 });
    const outcomes = await Promise.allSettled(Array.from({ length: 10 }, () => fork(place, turnId, { limits })));
    expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(3);
    expect(await sessionsOf(fixture.pool, place.ownerId, place.projectId)).toHaveLength(4);
    const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
    for (const reason of refused) expect(reason).toMatchObject({ exceeded: { limit } });
    expect((await store.readCounts(fixture.pool, place.ownerId))[limit]).toBe(used * 4);
  }
});

test("only a turn that has ended, with those before it, is forked; and none of which nothing is left", async () => {
  const place = await newPlace(fixture.pool);
  const gone = await answered(place);
  await store.deleteMessagesFrom(fixture.pool, place.ownerId, place.sessionId, gone.questionId);
  const live = await running(fixture.pool, place);
  const waiting = await post(fixture.pool, place);
  await store.withdrawTurn(fixture.pool, place.ownerId, place.sessionId, waiting.turnId);
  const other = await newPlace(fixture.pool, place.ownerId);
  const elsewhere = await answered(other);
  const before = await dump(fixture.pool);
  // The withdrawn turn has ended, but the one before it runs.
  for (const turnId of [live.turn.id, waiting.turnId]) {
    expect(await fork(place, turnId)).toEqual({ kind: "turn_not_finished" });
  }
  for (const turnId of [gone.turnId, elsewhere.turnId, randomUUID()]) {
    expect(await fork(place, turnId)).toEqual({ kind: "not_found" });
  }
  expect(await dump(fixture.pool)).toEqual(before);
});

test("the fork of another user's session keeps who asked, and counts for the user who made it", async () => {
  const place = await newPlace(fixture.pool);
  const { turnId } = await answered(place);
  const member = await newUser(fixture.pool);
  const owner = { userId: place.ownerId, tokenId: null };
  await store.setMember(fixture.pool, owner, place.projectId, { name: member, role: "member" });
  const before = await store.readCounts(fixture.pool, place.ownerId);
  const { session } = await forked({ ...place, ownerId: member }, turnId, { name: "mine" });
  expect([session.name, session.owner?.id]).toEqual(["mine", member]);
  const { messages } = (await store.listMessages(fixture.pool, place.ownerId, session.id, { limit: 9 }))!;
  expect(messages.map(({ author }) => author?.id ?? null)).toEqual([place.ownerId, null, null, null]);
  expect(await store.readCounts(fixture.pool, place.ownerId)).toEqual(before);
  expect((await store.readCounts(fixture.pool, member)).stored_bytes).toBe(before.stored_bytes);
  // The fork is the member's, who may ask its question again.
  const again = { ...question({ ...place, ownerId: member, sessionId: session.id }) };
  expect(await store.regenerateAnswer(fixture.pool, again, null)).toMatchObject({ kind: "regenerated" });
});

test("of ten forks with one key one is made, and posts to the source do not wait for it", async () => {
  const place = await newPlace(fixture.pool);
  const { turnId } = await answered(place);
  const key = { userId: place.ownerId, key: "k", requestHash: createHash("sha256").update("x").digest() };
  const all = await Promise.all(Array.from({ length: 10 }, () => fork(place, turnId, {}, key)));
  expect(new Set(all.map((outcome) => outcome.kind === "forked" && outcome.session.id)).size).toBe(1);
  expect(all.filter((outcome) => "changes" in outcome && outcome.changes.length > 0)).toHaveLength(1);
  await expect(fork(place, turnId, {}, { ...key, requestHash: Buffer.from("y") })).rejects.toThrow(
    store.IdempotencyKeyReused,
  );
  // The fork waits for the project's list with everything copied; meanwhile the source takes a post.
  await fixture.pool
    .begin(async (sql) => {
      await sql`select pg_advisory_xact_lock(hashtextextended(${`limits ${place.ownerId}`}, 0))`;
      const waiting = fork(place, turnId, { limits: only({ sessions: 100 }) });
      await untilBlocked(fixture.pool);
      await post(fixture.pool, place);
      return { waiting };
    })
    .then(({ waiting }) => waiting);
});

test("a part that is too large is refused before anything is copied", async () => {
  const place = await newPlace(fixture.pool);
  const { turnId } = await answered(place);
  await fixture.owner`
    insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, step, role, content)
    select gen_random_uuid(), session_id, owner_id, id, ordinal, n, n, 'tool', 'x'
    from turns, generate_series(10, 9 + ${MAX_FORK.messages}::int) n where id = ${turnId}`;
  const before = await store.readCounts(fixture.pool, place.ownerId);
  expect(await fork(place, turnId)).toEqual({ kind: "session_too_large" });
  await fixture.owner`delete from messages where turn_id = ${turnId} and position >= 2000`;
  await fixture.owner`
    update messages set content = (select string_agg(md5(random()::text || n), '') from generate_series(1, 3000) n)
    where turn_id = ${turnId} and position < 1000`;
  expect(await fork(place, turnId)).toEqual({ kind: "session_too_large" });
  expect(await store.readCounts(fixture.pool, place.ownerId)).toMatchObject({ sessions: before.sessions });
});

test("the name of a fork states its source, and fits", async () => {
  const place = await newPlace(fixture.pool);
  const { turnId } = await answered(place);
  expect((await forked(place, turnId)).session.name).toBe("Fork of an unnamed session");
  await store.changeSession(fixture.pool, place.ownerId, place.sessionId, {
    name: `${"x".repeat(190)}😀${"y".repeat(8)}`,
  });
  expect((await forked(place, turnId)).session.name).toBe(`Fork of ${"x".repeat(190)}…`);
});
