import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, expect, test } from "vitest";
import { brokenInvariants, subscribersAgree, untilAllEnded } from "../harness/invariants.ts";
import { leakedKeys, leakedResources } from "../harness/leaks.ts";
import { markedScript, readMarkedText } from "../harness/marked-text.ts";
import { percentiles } from "../harness/percentiles.ts";
import { createRest } from "../harness/rest.ts";
import { size } from "../harness/scale.ts";
import { FASTIFY, type System, startSystem, type User } from "../harness/start-system.ts";
import { openSubscriber } from "../harness/subscriber.ts";
import { closeAll, subscribersOf, untilAllSpeak, watchTurns } from "../harness/turns.ts";

let system: System;
let user: User;
let projectId: string;

beforeAll(async () => {
  system = await startSystem({ apis: 2, workers: 2, gateways: 1, env: { USER_LIMITS: "off" } });
  user = await system.addUser("ada");
  projectId = (await user.rest.project(FASTIFY)).id;
});
afterAll(() => system.stop());

const restOf = (api: number) => createRest(() => system.apis[api]?.url as string, user.token);
const newSession = () => user.rest.session(projectId, { name: "named", model: "words" });

/** Runs `act` for 0 … count-1, a few at once. */
async function rounds(count: number, atOnce: number, act: (round: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let round = next++; round < count; round = next++) await act(round);
    }),
  );
}

test("two concurrent posts to one session over two APIs run one after the other", async () => {
  await rounds(size(100, 500), 10, async () => {
    const session = await newSession();
    const script = markedScript(randomUUID(), { tokens: 2, interval_ms: 1 });
    const [a, b] = await Promise.all([0, 1].map((api) => restOf(api).post(session.id, script)));
    expect([a?.turn_ordinal, b?.turn_ordinal].sort()).toEqual([1, 2]);
  });
  await untilAllEnded(system, 60_000);
  const overlapping = await system.sql`
    select a.session_id, a.started_at::text as a_started, a.finished_at::text as a_finished, b.started_at::text as b_started,
      b.finished_at::text as b_finished, a.attempt as a_attempt, b.attempt as b_attempt, a.status as a_status
    from turns a join turns b on b.session_id = a.session_id and b.ordinal = a.ordinal + 1
    where b.started_at < a.finished_at`;
  expect(overlapping).toEqual([]);
  expect(await brokenInvariants(system, { marked: false })).toEqual([]);
});

test("a concurrent cancel and completion have a single outcome, and everybody sees the same one", async () => {
  const answers = new Map<string, number>();
  await rounds(size(80, 500), 8, async (round) => {
    const session = await newSession();
    const key = randomUUID();
    const script = markedScript(key, { tokens: 3, interval_ms: 1, gate: { name: key, at: "end" } });
    const turn = await user.rest.post(session.id, script);
    await system.model.reached(key);
    const next = await user.rest.post(session.id, markedScript(`${key} next`, { tokens: 2, interval_ms: 1 }));
    // The model's last chunk and the cancel start together, each first in every other round.
    if (round % 2) system.model.release(key);
    const cancelling = restOf(round % 2).cancel(session.id, turn.turn_id);
    system.model.release(key);
    const answer = await cancelling;
    expect(answer.turn_id).toBe(turn.turn_id);
    answers.set(String(answer.status), (answers.get(String(answer.status)) ?? 0) + 1);
    const subscriber = openSubscriber(system, user, session.id);
    const view = await subscriber.untilEnded(turn.turn_id);
    const [row] = await system.sql<[{ status: string }]>`select status from turns where id = ${turn.turn_id}`;
    // The API's answer holds: a cancelling turn ends cancelled, a complete one stays complete.
    expect(row.status).toBe(answer.status === "complete" ? "complete" : "cancelled");
    expect(view.messages.findLast((message) => message.turn_id === turn.turn_id)?.status).toBe(row.status);
    // The cancel never hits the next question.
    expect((await subscriber.untilEnded(next.turn_id)).turns[next.turn_id]?.status).toBe("complete");
    await subscriber.close();
  });
  console.log(`cancel against completion: ${JSON.stringify(Object.fromEntries(answers))}`);
  expect([...answers.keys()].sort()).toEqual(["cancelling", "complete"]);
  expect(await brokenInvariants(system, { marked: false })).toEqual([]);
});

test("no subscriber sees an end before its commit", async () => {
  const session = await newSession();
  const subscriber = openSubscriber(system, user, session.id);
  const key = randomUUID();
  const gate = { name: key, at: "end" };
  const turn = await user.rest.post(session.id, markedScript(key, { tokens: 3, interval_ms: 1, gate }));
  await system.model.reached(key);
  const status = () => subscriber.follower.view.turns[turn.turn_id]?.status;
  await system.sql.begin(async (sql) => {
    await sql`select id from turns where id = ${turn.turn_id} for no key update`;
    system.model.release(key);
    await untilAWorkerWaits();
    // A frame that was sent too early has arrived by the time that a whole turn of another session is over.
    const [other] = await watchTurns(system, user, 1, { tokens: 5 });
    await other?.subscriber.untilEnded(other.turnId);
    await other?.subscriber.close();
    expect([status(), subscriber.follower.view.messages.at(-1)?.status]).toEqual(["running", "streaming"]);
  });
  await subscriber.untilEnded(turn.turn_id);
  expect(status()).toBe("complete");
  await subscriber.close();
});

/** Resolves when a worker waits for a row lock of another transaction. */
async function untilAWorkerWaits(): Promise<void> {
  const find = () => system.sql`
    select from pg_stat_activity where datname = current_database() and application_name = 'worker'
      and wait_event_type = 'Lock'`;
  while ((await find()).length === 0);
}

test("a cancelled turn's text never grows afterwards, and its upstream request is closed", async () => {
  const turns = await watchTurns(system, user, size(20, 90), { tokens: 2_000, interval_ms: size(20, 40) });
  await untilAllSpeak(turns);
  const asked = Date.now();
  await Promise.all(turns.map(({ sessionId }) => user.rest.cancel(sessionId)));
  const closings = await Promise.all(
    turns.map(async ({ key }) => {
      const request = await system.model.until((seen) => seen.key === key && seen.ending !== null);
      expect(request.ending).toBe("disconnected");
      return (request.endedAt as number) - asked;
    }),
  );
  console.log(`upstream closed after a cancel: ${percentiles(closings)}`);
  await untilAllEnded(system, 20_000);
  expect(await subscribersAgree(system, subscribersOf(turns))).toEqual([]);
  const texts = async () =>
    await system.sql<{ id: string; content: string; status: string }[]>`
    select m.id, m.content, m.status from messages m where m.turn_id = any(${turns.map(({ turnId }) => turnId)}::uuid[])
    and m.role = 'assistant' order by m.id`;
  const then = await texts();
  for (const row of then) {
    expect(row.status).toBe("cancelled");
    expect(readMarkedText(row.content).words).toBeGreaterThan(0);
  }
  // Once each session has run another turn, any late write has been refused.
  await Promise.all(
    turns.map(({ sessionId, key }) => user.rest.post(sessionId, markedScript(`${key}-next`, { tokens: 2 }))),
  );
  await untilAllEnded(system, 20_000);
  expect(await texts()).toEqual(then);
  await closeAll(turns);
});

test("without Redis the heartbeat carries a cancel to the model", async () => {
  const turns = await watchTurns(system, user, 10, { tokens: 2_000, interval_ms: 20 });
  await untilAllSpeak(turns);
  await system.redis.kill("SIGKILL");
  const closings = await Promise.all(
    turns.map(async ({ sessionId, key }) => {
      const asked = Date.now();
      await user.rest.cancel(sessionId);
      const request = await system.model.until((seen) => seen.key === key && seen.ending !== null);
      expect(request.ending).toBe("disconnected");
      return (request.endedAt as number) - asked;
    }),
  );
  console.log(`upstream closed after a cancel without Redis: ${percentiles(closings)}`);
  await system.redis.restart();
  await untilAllEnded(system, 20_000);
  expect(await subscribersAgree(system, subscribersOf(turns))).toEqual([]);
  await closeAll(turns);
});

test("messages deleted while they stream do not reappear anywhere", async () => {
  const sessionIds: string[] = [];
  await rounds(size(40, 200), 8, async () => {
    const session = await newSession();
    sessionIds.push(session.id);
    const subscriber = openSubscriber(system, user, session.id);
    const turn = await user.rest.post(session.id, markedScript(randomUUID(), { tokens: 1_000, interval_ms: 10 }));
    await subscriber.follower.until(
      (view) => view.messages.some((m) => m.role === "assistant" && m.content !== ""),
      AbortSignal.timeout(30_000),
    );
    const answer = await user.rest.request("DELETE", `/api/sessions/${session.id}/messages/${turn.message_id}`);
    expect(answer.status).toBe(200);
    expect((await user.rest.messages(session.id)).messages).toEqual([]);
    await subscriber.follower.until((view) => view.messages.length === 0, AbortSignal.timeout(10_000));
    const fresh = openSubscriber(system, user, session.id);
    await fresh.follower.until((view) => view.connection === "live", AbortSignal.timeout(10_000));
    expect(fresh.follower.view.messages).toEqual([]);
    await Promise.all([subscriber.close(), fresh.close()]);
  });
  await untilAllEnded(system, 20_000);
  const left = await system.sql`
    select session_id from messages where session_id = any(${sessionIds}::uuid[]) and deleted_at is null`;
  expect(left).toEqual([]);
  expect(await brokenInvariants(system, { marked: false })).toEqual([]);
});

test("deleting a streaming session ends its turn and model request and closes its sockets; then it answers 404", async () => {
  await rounds(size(20, 100), 8, async () => {
    const session = await newSession();
    const subscriber = openSubscriber(system, user, session.id);
    const key = randomUUID();
    const turn = await user.rest.post(session.id, markedScript(key, { tokens: 2_000, interval_ms: 10 }));
    await subscriber.follower.until(
      (view) => view.messages.some((message) => message.role === "assistant" && message.content !== ""),
      AbortSignal.timeout(30_000),
    );
    expect((await user.rest.request("DELETE", `/api/sessions/${session.id}`)).status).toBe(204);
    const request = await system.model.until((seen) => seen.key === key && seen.ending !== null);
    expect(request.ending).toBe("disconnected");
    const over = await subscriber.follower
      .until(() => false, AbortSignal.timeout(10_000))
      .catch((error: { code?: string }) => error.code);
    expect(over).toBe("not_found");
    expect((await user.rest.request("GET", `/api/sessions/${session.id}/messages`)).status).toBe(404);
    await untilAllEnded(system, 20_000);
    const [row] = await system.sql`select status, cancel_reason from turns where id = ${turn.turn_id}`;
    expect(row).toEqual({ status: "cancelled", cancel_reason: "session_deleted" });
    await subscriber.close();
  });
  expect(await brokenInvariants(system, { marked: false })).toEqual([]);
});

test("50 concurrent posts with one key to two APIs, one of which dies after a commit, make one message and turn", async () => {
  const session = await newSession();
  const doomed = await system.start("api", { FAULT_POINTS: "after-post:kill" });
  const third = system.apis.indexOf(doomed);
  const key = randomUUID();
  const body = markedScript(key, { tokens: 3, interval_ms: 1 });
  let lost = 0;
  const answers = await Promise.all(
    Array.from({ length: 50 }, async (_, index) => {
      const ask = (api: number) => restOf(api).post(session.id, body, {}, key);
      if (index % 2) return await ask(0);
      // A lost request is retried at another API.
      return await ask(third).catch(() => {
        lost += 1;
        return ask(1);
      });
    }),
  );
  expect(await doomed.exited).toBe("SIGKILL");
  const fired = () => system.lines.filter((line) => line.includes("failpoint after-post fired"));
  await expect.poll(fired, { timeout: 10_000 }).toHaveLength(1);
  expect(lost).toBeGreaterThan(0);
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1);
  await untilAllEnded(system, 20_000);
  const rows = await system.sql`select role from messages where session_id = ${session.id} order by position`;
  expect(rows.map((row) => row.role)).toEqual(["user", "assistant"]);
  const turns = await system.sql`select id from turns where session_id = ${session.id}`;
  expect(turns.map(({ id }) => id)).toEqual([answers[0]?.turn_id]);
});

test("a post whose API died before announcing it is found and answered", async () => {
  const session = await newSession();
  const doomed = await system.start("api", { FAULT_POINTS: "after-post:kill" });
  const subscriber = openSubscriber(system, user, session.id);
  await subscriber.follower.until((view) => view.connection === "live", AbortSignal.timeout(10_000));
  await restOf(system.apis.indexOf(doomed))
    .post(session.id, markedScript(randomUUID(), { tokens: 4 }))
    .catch(() => null);
  expect(await doomed.exited).toBe("SIGKILL");
  const begun = performance.now();
  // The answer may be complete before the position check finds the question, which was never announced.
  const view = await subscriber.follower.until(
    (seen) => seen.messages.length > 1 && seen.messages.at(-1)?.status === "complete",
    AbortSignal.timeout(20_000),
  );
  console.log(`found and answered ${(performance.now() - begun).toFixed(0)} ms after its API died`);
  expect(view.messages.map((message) => message.role)).toEqual(["user", "assistant"]);
  await subscriber.close();
});

test("a post to a busy session is refused, queued or interrupts, as it demands; a queued turn can be withdrawn", async () => {
  const session = await newSession();
  const long = () => markedScript(randomUUID(), { tokens: 5_000, interval_ms: 10 });
  const first = await user.rest.post(session.id, long());
  const second = await user.rest.post(session.id, long());
  const third = await user.rest.post(session.id, long());
  const refused = await user.rest.request("POST", `/api/sessions/${session.id}/messages`, {
    content: "now",
    when_busy: "reject",
  });
  expect(refused).toMatchObject({ status: 409, body: { error: { code: "session_busy" } } });
  const waiting = await user.rest.turns(session.id);
  expect(waiting.map((turn) => turn.id)).toEqual([first.turn_id, second.turn_id, third.turn_id]);
  expect(waiting.filter((turn) => turn.status === "queued").map((turn) => turn.place)).toEqual(
    waiting.length === 3 && waiting[0]?.status === "queued" ? [1, 2, 3] : [1, 2],
  );
  const withdrawn = await user.rest.request("DELETE", `/api/sessions/${session.id}/turns/${third.turn_id}`);
  expect(withdrawn).toMatchObject({ status: 200, body: { turn_id: third.turn_id, status: "cancelled" } });
  const last = await user.rest.post(session.id, markedScript(randomUUID(), { tokens: 2 }), { when_busy: "interrupt" });
  await untilAllEnded(system, 20_000);
  const rows = await system.sql<{ id: string; status: string; cancel_reason: string | null }[]>`
    select id, status, cancel_reason from turns where session_id = ${session.id} order by ordinal`;
  expect(rows.map((row) => [row.id, row.status, row.cancel_reason])).toEqual([
    [first.turn_id, "cancelled", "interrupted"],
    [second.turn_id, "cancelled", "interrupted"],
    [third.turn_id, "cancelled", "user"],
    [last.turn_id, "complete", null],
  ]);
});

test("afterwards no process holds more timers and sockets than a fresh one, and Redis holds nothing permanent", {
  timeout: 300_000,
}, async () => {
  // Up to a hundred concurrent clients close their keep-alive connections to an API a minute after their last use.
  expect(await leakedResources(system, 120_000)).toEqual([]);
  expect(await leakedKeys(system)).toEqual([]);
});
