import { randomUUID } from "node:crypto";
import { LIMIT_NAMES, type UserLimits } from "@boocode/contracts";
import * as store from "@boocode/store";
import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import {
  asWorker,
  claim,
  claimNextTurn,
  newPlace,
  newSession,
  newUser,
  type Place,
  question,
  reply,
  running,
  untilBlocked,
  used,
  useStore,
  WAITING,
} from "./fixture.ts";

const fixture = useStore();
let place: Place;
beforeEach(async () => {
  place = await newPlace(fixture.pool);
});

const only = (limits: Partial<UserLimits>): UserLimits => ({
  ...(Object.fromEntries(LIMIT_NAMES.map((name) => [name, null])) as UserLimits),
  ...limits,
});
/** @returns the kind of the outcome, or the limit that is reached */
const outcomeOf = (made: Promise<{ kind: string } | object | null>) =>
  made.then(
    (outcome) => (outcome && "kind" in outcome ? outcome.kind : "made"),
    (error) => {
      if (error instanceof store.QuotaExceeded) return error.exceeded;
      throw error;
    },
  );
const post = (limits: Partial<UserLimits>, at = place) =>
  outcomeOf(store.postMessage(fixture.pool, { ...question(at), limits: only(limits) }, null));
const counts = () => store.readCounts(fixture.pool, place.ownerId);

test("of posts to many sessions at the limit's edge, as many pass as there is room for", async () => {
  const places = [place];
  for (let n = 0; n < 7; n++) {
    places.push({ ...place, sessionId: await newSession(fixture.pool, place.ownerId, place.projectId) });
  }
  const outcomes = await Promise.all(places.map((at) => post({ turns_waiting: 3 }, at)));
  expect(outcomes.filter((outcome) => outcome === "posted")).toHaveLength(3);
  const refused = { limit: "turns_waiting", most: 3, used: 3 };
  expect(outcomes.filter((outcome) => outcome !== "posted")).toEqual(Array(5).fill(refused));
  expect((await counts()).turns_waiting).toBe(3);
});

test("a running turn does not wait, another user's turns do not count, and a regenerated answer counts as a post", async () => {
  const answered = { ...place, sessionId: await newSession(fixture.pool, place.ownerId, place.projectId) };
  await post({}, answered);
  await fixture.pool`update turns set status = 'complete' where session_id = ${answered.sessionId}`;
  await running(fixture.pool, place);
  const other = await newPlace(fixture.pool);
  await store.postMessage(fixture.pool, question(other), null);
  expect(await post({ turns_waiting: 1 })).toBe("posted");
  const again = { ...answered, turnId: randomUUID(), limits: only({ turns_waiting: 1 }) };
  expect(await outcomeOf(store.regenerateAnswer(fixture.pool, again, null))).toMatchObject({ limit: "turns_waiting" });
});

test("a refusal is not remembered under its idempotency key", async () => {
  const { turnId } = await running(fixture.pool, place).then(({ turn }) => turn);
  await post({});
  const key = { userId: place.ownerId, key: "k", requestHash: Buffer.from("x") };
  const limited = { ...question(place), limits: only({ turns_waiting: 1 }) };
  await expect(store.postMessage(fixture.pool, limited, key)).rejects.toThrow(store.QuotaExceeded);
  await fixture.pool`delete from messages where turn_id <> ${turnId}`;
  await fixture.pool`delete from turns where id <> ${turnId}`;
  expect(await store.postMessage(fixture.pool, limited, key)).toMatchObject({ kind: "posted" });
  expect(await store.postMessage(fixture.pool, { ...question(place), limits: limited.limits }, key)).toMatchObject({
    kind: "posted",
    turnId: limited.turnId,
  });
});

test("of sessions that are created at once, as many pass as there is room for", async () => {
  const create = () => outcomeOf(store.createSession(fixture.pool, { ...place, id: randomUUID(), most: 3 }));
  const outcomes = await Promise.all(Array.from({ length: 12 }, create));
  expect(outcomes.filter((outcome) => outcome === "made")).toHaveLength(2);
  expect((await counts()).sessions).toBe(3);
});

test("what is stored counts in bytes, to the byte, from a message's end until its purge", async () => {
  const before = await counts();
  expect([before.stored_bytes, before.bytes_per_day, before.tool_calls_per_day]).toEqual([0, 0, 0]);
  const { turn, messageId } = await running(fixture.pool, place);
  const asked = Buffer.byteLength("why?");
  expect((await counts()).stored_bytes).toBe(asked);
  const result = { tool_call_id: "c", name: "grep", truncated: false, error: null };
  const evidence = [{ path: "é.ts", ranges: [{ first: 1, last: 2, from: 1, hash: "h" }] }] as never;
  const tool = (position: number) => ({ id: randomUUID(), position, content: "é".repeat(50), result, evidence });
  const step = {
    reply: { ...reply(messageId, "look"), citations: [{ path: "é.ts" }] as never },
    step: 0,
    tools: [tool(2), tool(3)],
    lastSeq: 3,
  };
  await store.commitStep(fixture.pool, turn, step);
  // Committed twice, because the answer of the first commit was lost.
  await store.commitStep(fixture.pool, turn, step);
  const [{ bytes }] = await fixture.pool<[{ bytes: number }]>`
    select sum(octet_length(content) + coalesce(octet_length(tool_result::text), 0) + coalesce(octet_length(evidence::text), 0)
      + coalesce(octet_length(citations::text), 0)) as bytes
    from messages where owner_id = ${place.ownerId}`;
  const after = await counts();
  expect([after.stored_bytes, after.bytes_per_day, after.tool_calls_per_day]).toEqual([
    Number(bytes),
    Number(bytes),
    2,
  ]);
  expect(after.stored_bytes).toBeGreaterThan(2 * (100 + JSON.stringify(evidence).length) + asked);
  expect(await post({ stored_bytes: after.stored_bytes })).toMatchObject({ limit: "stored_bytes" });
  expect(await post({ tool_calls_per_day: 2 })).toMatchObject({ limit: "tool_calls_per_day" });
  expect(await post({ bytes_per_day: 1 })).toMatchObject({ limit: "bytes_per_day" });
  expect(await post({ stored_bytes: after.stored_bytes + 1, tool_calls_per_day: 3 })).toBe("posted");
  await fixture.pool`delete from messages where owner_id = ${place.ownerId}`;
  const purged = await counts();
  expect(purged.stored_bytes).toBe(0);
  // What was done today stays done.
  expect(purged.tool_calls_per_day).toBe(2);
  await store.addStorageChanges(fixture.pool);
  expect(await counts()).toEqual(purged);
  await fixture.pool`update user_storage set day = day - 1 where user_id = ${place.ownerId}`;
  expect((await counts()).tool_calls_per_day).toBe(0);
});

test("what is stored is the same before, while and after its changes are added up, whatever their days", async () => {
  const { pool } = fixture;
  const day = fc.integer({ min: -2, max: 0 });
  const change = fc.record({ day, bytes: fc.integer({ min: -50, max: 100 }), calls: fc.nat(3) });
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(change, fc.constant("add" as const)), { maxLength: 12 }), async (events) => {
      const { ownerId } = await newPlace(pool);
      let expected = { stored_bytes: 0, bytes_per_day: 0, tool_calls_per_day: 0 };
      for (const event of events) {
        if (event === "add") await store.addStorageChanges(pool);
        else {
          await pool`
            insert into storage_changes (user_id, bytes, day, day_bytes, day_tool_calls)
            values (${ownerId}, ${event.bytes}, (now() at time zone 'UTC')::date + ${event.day}::int, ${event.bytes},
              ${event.calls})`;
          const isToday = event.day === 0 ? 1 : 0;
          expected = {
            stored_bytes: expected.stored_bytes + event.bytes,
            bytes_per_day: expected.bytes_per_day + isToday * event.bytes,
            tool_calls_per_day: expected.tool_calls_per_day + isToday * event.calls,
          };
        }
        const shown = { ...expected, stored_bytes: Math.max(expected.stored_bytes, 0) };
        expect(await store.readCounts(pool, ownerId)).toMatchObject(shown);
      }
    }),
    { numRuns: 30 },
  );
});

test("tokens count while their turn runs and after it, each once, and a new day begins at nothing", async () => {
  const { turn, messageId } = await running(fixture.pool, place);
  const usage = [used("answer", 100, 20)];
  const step = { reply: reply(messageId), step: 0, tools: [], lastSeq: 3, usage };
  expect(await store.commitStep(fixture.pool, turn, step)).toMatchObject({ used: { tokens_per_day: 120 } });
  expect((await counts()).tokens_per_day).toBe(120);
  await store.releaseTurn(fixture.pool, turn);
  const again = await claim(fixture.pool, turn.id);
  expect(again.used).toEqual({ tokens_per_day: 120, tool_calls_per_day: 0, bytes_per_day: expect.any(Number) });
  const end = { status: "complete" as const };
  await store.endTurn(fixture.pool, { ...again, turnId: turn.id }, { end, reply: null, lastSeq: 5, usage });
  expect((await counts()).tokens_per_day).toBe(120);
  expect(await post({ tokens_per_day: 120 })).toMatchObject({ limit: "tokens_per_day", used: 120 });
  await fixture.pool`update usage set day = day - 1 where user_id = ${place.ownerId}`;
  expect(await post({ tokens_per_day: 120 })).toBe("posted");
});

test("an administrator's limits of a user are stored and recorded, and null takes them back", async () => {
  const userId = await newUser(fixture.pool);
  const change = (limits: object | null) => store.changeUser(fixture.pool, "operator", userId, { limits });
  expect(await change({ sessions: 3, sockets: null })).toMatchObject({
    user: { limits: { sessions: 3, sockets: null } },
  });
  expect(await store.changeUser(fixture.pool, "operator", userId, { role: "admin" })).toMatchObject({
    user: { limits: { sessions: 3 } },
  });
  expect(await change(null)).toMatchObject({ user: { limits: null } });
  const { events } = await store.listAudit(fixture.pool, { event: "user.limits_changed", user_id: userId, limit: 10 });
  expect(events.map(({ detail }) => detail)).toEqual([{}, { sessions: 3, sockets: null }]);
});

test("of claims at the same moment as many succeed as turns of the user may run, and others' turns go on", async () => {
  await fixture.pool`update turns set status = 'complete'`;
  const [mine, theirs] = [await newPlace(fixture.pool), await newPlace(fixture.pool)];
  for (const { ownerId, projectId } of [mine, mine, mine, mine, mine, mine, theirs]) {
    const at = { ownerId, projectId, sessionId: await newSession(fixture.pool, ownerId, projectId) };
    await store.postMessage(fixture.pool, question(at), null);
  }
  const mostRunning = { user: 3, admin: null };
  const claim = () => claimNextTurn(fixture.pool, WAITING, asWorker({ mostRunning }));
  const ownersOf = (turns: (store.ClaimedTurn | null)[]) => turns.flatMap((turn) => turn?.owner_id ?? []);
  const first = await Promise.all(Array.from({ length: 12 }, claim));
  const claimed = [...first];
  // A claim that finds each turn locked by another returns nothing, so that some places may be left.
  for (let turn = await claim(); turn; turn = await claim()) claimed.push(turn);
  expect(ownersOf(claimed).filter((owner) => owner === mine.ownerId)).toHaveLength(3);
  expect(ownersOf(claimed).filter((owner) => owner === theirs.ownerId)).toHaveLength(1);
  const [ended] = claimed.filter((turn) => turn?.owner_id === mine.ownerId);
  await fixture.pool`update turns set status = 'complete' where id = ${ended?.id as string}`;
  expect((await claim())?.owner_id).toBe(mine.ownerId);
  expect(await claim()).toBeNull();
  await store.changeUser(fixture.pool, "operator", mine.ownerId, { limits: { turns_running: 4 } });
  expect((await claim())?.owner_id).toBe(mine.ownerId);
  expect(await claim()).toBeNull();
  await store.changeUser(fixture.pool, "operator", mine.ownerId, { role: "admin", limits: null });
  expect((await claim())?.asker).toEqual({ role: "admin", limits: null });
});

test("a claim waits for another one of the same user that is not committed, and then counts it", async () => {
  await fixture.pool`update turns set status = 'complete'`;
  for (let n = 0; n < 2; n++) {
    const at = { ...place, sessionId: await newSession(fixture.pool, place.ownerId, place.projectId) };
    await store.postMessage(fixture.pool, question(at), null);
  }
  const claimIn = (pool: store.Pool) =>
    claimNextTurn(pool, WAITING, asWorker({ mostRunning: { user: 1, admin: null } }));
  let second: Promise<unknown> = Promise.resolve();
  await fixture.pool.begin(async (sql) => {
    const first = await claimIn(sql as unknown as store.Pool);
    // By the committed rows, the other turn comes first, and there is room for it.
    await fixture.pool`update turns set due_at = now() - interval '1 hour' where status = 'queued' and id <> ${first?.id ?? null}`;
    second = claimIn(fixture.pool);
    expect(await Promise.race([untilBlocked(fixture.pool), second])).toBeUndefined();
  });
  expect(await second).toBeNull();
});
