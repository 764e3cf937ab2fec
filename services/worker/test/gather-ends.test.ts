import { randomUUID } from "node:crypto";
import { testDatabase } from "@boocode/backing-services/testing";
import { connectPostgres } from "@boocode/runtime";
import { claimTurns, createProject, createSession, createUser, type Pool, postMessage } from "@boocode/store";
import { afterAll, beforeAll, expect, test } from "vitest";
import { gatherEnds } from "../src/attempt/gather-ends.ts";

let pool: Pool;
let drop = async () => {};
/** The statements that end turns, in their order. */
const sent: string[] = [];

beforeAll(async () => {
  const database = await testDatabase();
  drop = database.drop;
  pool = connectPostgres(database.url, { name: "test", connections: 10 });
});
afterAll(async () => {
  await pool?.end({ timeout: 2 });
  await drop();
});

/** The same pool, which notes the calls of functions that end turns. */
const noting = () =>
  new Proxy(pool, {
    apply(target, self, args: [TemplateStringsArray]) {
      const called = /from (complete_turns|end_turn)/.exec(args[0]?.raw?.join("") ?? "")?.[1];
      if (called) sent.push(called);
      return Reflect.apply(target, self, args);
    },
  });

async function runningTurns(count: number) {
  const [ownerId, projectId] = [randomUUID(), randomUUID()];
  await createUser(pool, { id: ownerId, name: ownerId });
  await createProject(pool, { id: projectId, ownerId, name: "p", path: "/p" });
  for (let made = 0; made < count; made++) {
    const sessionId = randomUUID();
    await createSession(pool, { id: sessionId, ownerId, projectId });
    const place = { ownerId, sessionId, when_busy: "queue" as const, content: "why?" };
    await postMessage(pool, { ...place, turnId: randomUUID(), messageId: randomUUID() }, null);
  }
  const claim = { workerId: "w", nonce: "n", leaseMs: 60_000, maxAttempts: 3, takesPoisonCandidates: true };
  const shares = { most: count, held: new Map<string, number>() };
  return await claimTurns(pool, { kind: "waiting", woken: [] }, { ...claim, shares }, count);
}

type Running = Awaited<ReturnType<typeof runningTurns>>[number];
const answered = ({ streaming_message_id: messageId }: Running) => ({
  end: { status: "complete" as const },
  reply: {
    ...{ messageId: messageId ?? "", content: "because", reasoning: null, toolCalls: null, finishReason: "stop" },
    ...{ model: "m", tokensUsed: 1, ctxUsed: 1, ctxMax: 1 },
  },
  lastSeq: 3,
});
const fenceOf = ({ id, attempt }: Running) => ({ turnId: id, attempt });
const statusOf = async ({ id }: Running) => (await pool`select status from turns where id = ${id}`)[0]?.status;

test("ends that come while one is in flight go together, and each has its own result", async () => {
  const turns = await runningTurns(6);
  const [cancelling, held] = [turns[3] as Running, turns[5] as Running];
  await pool`update turns set status = 'cancelling', cancel_reason = 'user' where id = ${cancelling.id}`;
  sent.length = 0;
  const end = gatherEnds(noting());
  const ended = await Promise.all(
    turns.map((turn) => end(turn === held ? { turnId: turn.id, attempt: 7 } : fenceOf(turn), answered(turn))),
  );
  expect(sent.slice(0, 2)).toEqual(["end_turn", "complete_turns"]);
  // The two that did not end as complete, to learn why.
  expect(sent.slice(2)).toEqual(["end_turn", "end_turn"]);
  expect(ended.map((one) => (typeof one === "string" ? one : one.changes.length > 0))).toEqual([
    ...[true, true, true, "cancelling", true, "lost"],
  ]);
  expect(await Promise.all(turns.map(statusOf))).toEqual([
    ...["complete", "complete", "complete", "cancelling", "complete", "running"],
  ]);
});

test("an end that waits for a lock does not hold up the others", async () => {
  const turns = await runningTurns(5);
  const [first, second, ...others] = turns as [Running, Running, ...Running[]];
  const end = gatherEnds(pool);
  let waiting: Promise<unknown>[] = [];
  await pool.begin(async (sql) => {
    await sql`select from sessions where id in (${first.session_id}, ${second.session_id}) for update`;
    waiting = [first, second].map((turn) => end(fenceOf(turn), answered(turn)));
    await Promise.all(others.map((turn) => end(fenceOf(turn), answered(turn))));
    expect(await Promise.all([first, second].map(statusOf))).toEqual(["running", "running"]);
  });
  await Promise.all(waiting);
  expect(await Promise.all(turns.map(statusOf))).toEqual(Array.from({ length: 5 }, () => "complete"));
});

test("an end that Postgres refuses fails alone", async () => {
  const [first, second, third] = (await runningTurns(3)) as [Running, Running, Running];
  const end = gatherEnds(pool);
  const bad = { ...answered(third), reply: { ...answered(third).reply, content: "a\0b" } };
  const ended = await Promise.allSettled([
    end(fenceOf(first), answered(first)),
    end(fenceOf(second), answered(second)),
    end(fenceOf(third), bad),
  ]);
  expect(ended.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected"]);
});
