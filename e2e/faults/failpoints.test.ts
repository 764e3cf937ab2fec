import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { followUser } from "@boocode/client";
import type { ServiceProcess } from "@boocode/local-stack";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { expectAgreement } from "../harness/expect-agreement.ts";
import { watchFailpoints } from "../harness/failpoints.ts";
import { brokenInvariants, subscribersAgree, untilAllEnded } from "../harness/invariants.ts";
import { markedScript } from "../harness/marked-text.ts";
import type { Rest } from "../harness/rest.ts";
import { FASTIFY, type System, startSystem, type User } from "../harness/start-system.ts";
import { clientOf, openSubscriber } from "../harness/subscriber.ts";
import { closeAll, subscribersOf, untilAllSpeak, type WatchedTurn, watchTurns } from "../harness/turns.ts";

/**
 * A process dies between a commit and the next step, at every such failpoint. Each test asserts that the failpoint was
 * reached: a fault that did not happen proves nothing.
 */
let system: System;
let user: User;
let failpoints: ReturnType<typeof watchFailpoints>;

beforeAll(async () => {
  system = await startSystem({ workers: 1, gateways: 1 });
});
beforeEach(async () => {
  user = await system.addUser(randomUUID());
  failpoints = watchFailpoints(system);
});
afterEach(() => system.restore());
afterAll(() => system.stop());

/** Replaces a process with one that has failpoints. */
const doom = (service: ServiceProcess, failpoints: string, more = {}) =>
  system.restart(service, { FAULT_POINTS: failpoints, ...more });

const fired = (point: string) => failpoints.fired(point);
const expectFired = (...points: string[]) => failpoints.expectFired(...points);
const dieAt = (point: string, act: (rest: Rest) => Promise<unknown>) => failpoints.dieAt(point, user.token, act);

test("a worker that dies right after any of its commits loses and duplicates nothing", {
  timeout: 120_000,
}, async () => {
  const points = [
    "after-claim",
    "after-prepare-turn",
    "after-start-message",
    "after-save-tool-calls",
    "after-commit-step",
    "after-requeue-cut",
    "after-end-turn",
  ];
  const dying = await Promise.all(
    points.map((point) => system.start("worker", { FAULT_POINTS: `${point}:kill`, WORKER_CONCURRENCY: "4" })),
  );
  const tool = { name: "list_dir", arguments: {} };
  const turns = [
    ...(await watchTurns(system, user, 20, { tokens: 30, tool_depth: 1, tool })),
    // These answers are cut after words were seen, so that another attempt repeats the step.
    ...(await watchTurns(system, user, 20, { tokens: 30, end_after_tokens: 10, fail_first: 1 })),
  ];
  await untilAllEnded(system, 60_000);
  expect(await subscribersAgree(system, subscribersOf(turns))).toEqual([]);
  await closeAll(turns);
  // Workers that have not reached their failpoint get more turns until they do.
  while (dying.some((worker) => worker.process.signalCode === null)) {
    const more = [
      ...(await watchTurns(system, user, 10, { tokens: 5, tool_depth: 1, tool })),
      ...(await watchTurns(system, user, 10, { tokens: 10, end_after_tokens: 4, fail_first: 1 })),
    ];
    await untilAllEnded(system, 60_000);
    expect(await subscribersAgree(system, subscribersOf(more))).toEqual([]);
    await closeAll(more);
  }
  await expectFired(...points);
  expect(await brokenInvariants(system)).toEqual([]);
  const [row] = await system.sql<[{ count: number }]>`select count(*) from turns where status <> 'complete'`;
  expect(row.count).toBe(0);
});

test("a turn continues although its worker died after saving the message's context", async () => {
  const worker = system.workers[0] as ServiceProcess;
  await worker.stop();
  const dying = await doom(worker, "after-save-context:kill");
  const tool = { name: "view_file", arguments: { path: "fastify.js" } };
  const turns = await watchTurns(system, user, 1, { tokens: 5, tool_depth: 1, tool, window: 4_000 });
  expect(await dying.exited).toBe("SIGKILL");
  await expectFired("after-save-context");
  await system.restart(dying);
  await expectAgreement(system, turns);
});

test("a worker that dies while it releases its turns, or after it requeued a dead worker's, loses none of them", async () => {
  const turns = await watchTurns(system, user, 6, { tokens: 100, gate: { name: "gone", at: 90 } });
  await untilAllSpeak(turns);
  const worker = system.workers[0] as ServiceProcess;
  await worker.stop("SIGKILL");
  const requeuing = await doom(worker, "after-requeue-orphans:kill");
  expect(await requeuing.exited).toBe("SIGKILL");
  const leaving = await doom(requeuing, "after-release:kill", { SHUTDOWN_GRACE_MS: "8000" });
  await untilHeld(turns);
  expect(await leaving.stop("SIGTERM")).toBe("SIGKILL");
  await expectFired("after-requeue-orphans", "after-release");
  await system.restart(leaving);
  system.model.release("gone");
  await expectAgreement(system, turns);
});

/** Resolves when all of these turns are running. */
async function untilHeld(turns: WatchedTurn[]): Promise<void> {
  for (;;) {
    const [row] = await system.sql<[{ count: number }]>`
      select count(*)::int from turns where id = any(${turns.map(({ turnId }) => turnId)}::uuid[]) and status = 'running'`;
    if (row.count === turns.length) return;
    await delay(20);
  }
}

/** Creates a poison candidate: its next attempt is its last, and a new worker runs it isolated. */
async function poisonCandidate(failpoints: string, beforeStart = async () => {}) {
  const worker = system.workers[0] as ServiceProcess;
  await worker.stop();
  const [turn] = (await watchTurns(system, user, 1, { tokens: 20 })) as [WatchedTurn];
  await system.sql`update turns set crashes = 2, worker_deaths = 2 where id = ${turn.turnId}`;
  const row = async () => {
    const [found] = await system.sql<[{ status: string; crashes: number; hand_backs: number }]>`
      select status, crashes, hand_backs from turns where id = ${turn.turnId}`;
    return found;
  };
  await beforeStart();
  return { turn, row, worker: await doom(worker, failpoints) };
}

test.each([
  ["before it has begun", "after-isolated-start", false],
  ["when it has just taken over its turn", "after-take-over", false],
  ["before it has begun, after its worker died too,", "after-spend", true],
])("an isolated turn's process that dies %s spends one attempt and nothing else", async (_when, point, killsWorker) => {
  const first = killsWorker ? "after-isolated-start:kill," : "";
  const { turn, row, worker } = await poisonCandidate(`${first}${point}:kill`);
  if (killsWorker) {
    expect(await worker.exited).toBe("SIGKILL");
    await system.restart(worker);
  }
  await expectAgreement(system, [turn], [turn]);
  expect(await row()).toEqual({ status: "failed", crashes: 3, hand_backs: 0 });
  await expectFired(point);
  expect(worker.process.signalCode).toBe(killsWorker ? "SIGKILL" : null);
});

test("a worker that dies before the process of an isolated turn starts spends no attempt", async () => {
  const { turn, row, worker } = await poisonCandidate("after-claim:kill");
  expect(await worker.exited).toBe("SIGKILL");
  await expectFired("after-claim");
  await system.restart(worker);
  await expectAgreement(system, [turn]);
  expect(await row()).toMatchObject({ status: "complete", crashes: 2 });
});

test("a worker that dies while an isolated turn's process starts spends no attempt: that process releases it", async () => {
  const { turn, row, worker } = await poisonCandidate("after-isolated-start:1500");
  while (fired("after-isolated-start") === 0) await delay(20);
  await worker.stop("SIGKILL");
  await system.restart(worker);
  await expectAgreement(system, [turn]);
  expect(await row()).toEqual({ status: "complete", crashes: 2, hand_backs: 1 });
});

test("neither a worker nor an isolated turn's process needs Redis to start, and its absence spends no attempt", async () => {
  const { turn, row } = await poisonCandidate("", () => system.redis.kill("SIGKILL"));
  await untilAllEnded(system, 30_000);
  await system.redis.restart();
  await expectAgreement(system, [turn]);
  expect(await row()).toEqual({ status: "complete", crashes: 2, hand_backs: 0 });
});

test("subscribers see the end of a turn although the reconciler that committed it died before announcing it", async () => {
  const turns = await watchTurns(system, user, 3, { tokens: 2_000 });
  await untilAllSpeak(turns);
  const worker = system.workers[0] as ServiceProcess;
  await worker.stop("SIGKILL");
  await Promise.all(turns.map(({ sessionId }) => user.rest.cancel(sessionId)));
  const reconciling = await doom(worker, "after-end-orphan:kill");
  expect(await reconciling.exited).toBe("SIGKILL");
  await expectFired("after-end-orphan");
  await system.restart(reconciling);
  await untilAllEnded(system, 20_000);
  expect(await subscribersAgree(system, subscribersOf(turns))).toEqual([]);
  expect(turns.map(({ subscriber }) => subscriber.follower.view.messages.at(-1)?.status)).toEqual(
    Array(3).fill("cancelled"),
  );
  await closeAll(turns);
});

test("every subscriber sees a change although its API died after the commit and before announcing it", {
  timeout: 120_000,
}, async () => {
  const project = await user.rest.project(FASTIFY);
  const long = () => markedScript(randomUUID(), { tokens: 2_000, interval_ms: 10 });
  const short = () => markedScript(randomUUID(), { tokens: 3, interval_ms: 1 });
  const [running, waiting, ended, answered, renamed, edited] = await Promise.all(
    Array.from({ length: 6 }, () => user.rest.session(project.id, { name: "named", model: "words" })),
  );
  await user.rest.post(running?.id as string, long());
  await user.rest.post(waiting?.id as string, long());
  const second = await user.rest.post(waiting?.id as string, short());
  const gone = await user.rest.post(ended?.id as string, short());
  const first = await user.rest.post(answered?.id as string, short());
  await user.rest.post(edited?.id as string, long());
  const subscribers = [running, waiting, ended, answered, renamed, edited].map((session) =>
    openSubscriber(system, user, session?.id as string),
  );
  await subscribers[2]?.untilEnded(gone.turn_id);
  await subscribers[3]?.untilEnded(first.turn_id);

  const acts: Record<string, (rest: Rest) => Promise<unknown>> = {
    "after-cancel": (rest) => rest.cancel(running?.id as string),
    "after-withdraw": (rest) => rest.request("DELETE", `/api/sessions/${waiting?.id}/turns/${second.turn_id}`),
    "after-delete": (rest) => rest.request("DELETE", `/api/sessions/${ended?.id}/messages/${gone.message_id}`),
    "after-regenerate": (rest) => rest.request("POST", `/api/sessions/${answered?.id}/regenerate`),
    "after-edit": (rest) => rest.request("POST", `/api/sessions/${edited?.id}/edit`, { content: short() }),
    "after-change-session": (rest) => rest.request("PATCH", `/api/sessions/${renamed?.id}`, { name: "other" }),
  };
  await Promise.all(Object.entries(acts).map(([point, act]) => dieAt(point, act)));
  await user.rest.cancel(waiting?.id as string);
  await untilAllEnded(system, 20_000);
  expect(await subscribersAgree(system, subscribers)).toEqual([]);
  const name = await subscribers[4]?.follower.until(
    (view) => view.session?.name === "other",
    AbortSignal.timeout(10_000),
  );
  expect(name?.session?.name).toBe("other");
  expect(subscribers[0]?.follower.view.messages.at(-1)?.status).toBe("cancelled");
  expect(subscribers[2]?.follower.view.messages).toEqual([]);
  const replaced = subscribers[5]?.follower.view.messages.map(({ turn_ordinal, role }) => [turn_ordinal, role]);
  expect(replaced).toEqual([
    [2, "user"],
    [2, "assistant"],
  ]);
  expect(await brokenInvariants(system)).toEqual([]);
  await Promise.all(subscribers.map((subscriber) => subscriber.close()));
});

test("a user's lists show a change that an API committed before it died", { timeout: 120_000 }, async () => {
  const [kept, gone] = await Promise.all([user.rest.project(FASTIFY), user.rest.project(FASTIFY)]);
  const old = await user.rest.session(kept.id, { name: "old", model: "words" });
  const asked = await user.rest.session(kept.id, { name: "asked", model: "words" });
  const turn = await user.rest.post(asked.id, "why?");
  await untilAllEnded(system, 20_000);
  const lists = followUser(clientOf(system, user));
  await lists.until((view) => view.projects.length === 2, AbortSignal.timeout(10_000));
  const acts: Record<string, (rest: Rest) => Promise<unknown>> = {
    "after-create-project": (rest) => rest.project(FASTIFY),
    "after-change-project": (rest) => rest.request("PATCH", `/api/projects/${kept.id}`, { name: "renamed" }),
    "after-delete-project": (rest) => rest.request("DELETE", `/api/projects/${gone.id}`),
    "after-create-session": (rest) => rest.session(kept.id, { name: "new", model: "words" }),
    "after-fork-session": (rest) => rest.request("POST", `/api/sessions/${asked.id}/fork`, { turn_id: turn.turn_id }),
    "after-delete-session": (rest) => rest.request("DELETE", `/api/sessions/${old.id}`),
  };
  await Promise.all(Object.entries(acts).map(([point, act]) => dieAt(point, act)));
  const view = await lists.until(
    ({ projects, sessions }) =>
      projects.map(({ name }) => name).join() === "renamed,a project" &&
      (sessions[kept.id] ?? [])
        .map(({ name }) => name)
        .sort()
        .join() === "Fork of asked,asked,new",
    AbortSignal.timeout(15_000),
  );
  expect(view.projects.some(({ id }) => id === gone.id)).toBe(false);
  await lists.close();
});

test("subscribers see a session's new name although the worker died after committing it", async () => {
  const worker = system.workers[0] as ServiceProcess;
  await worker.stop();
  const naming = await doom(worker, "after-auto-name:kill");
  const project = await user.rest.project(FASTIFY);
  const session = await user.rest.session(project.id, { model: "words" });
  const subscriber = openSubscriber(system, user, session.id, { marked: false });
  await user.rest.post(session.id, "what is it?");
  expect(await naming.exited).toBe("SIGKILL");
  await expectFired("after-auto-name");
  const view = await subscriber.follower.until(
    (seen) => (seen.session?.name ?? null) !== null,
    AbortSignal.timeout(10_000),
  );
  expect(view.session?.auto_named).toBe(true);
  await subscriber.close();
});

test("clients reconnect after a gateway dies between reading and sending a turn, and a slow join misses nothing", async () => {
  const turns = await watchTurns(system, user, 4, { tokens: 300 });
  await untilAllSpeak(turns);
  const gateway = system.gateways[0] as ServiceProcess;
  await gateway.stop("SIGKILL");
  const dying = await doom(gateway, "after-snapshot:kill");
  expect(await dying.exited).toBe("SIGKILL");
  await doom(dying, "after-subscribe:700");
  await untilAllEnded(system, 30_000);
  expect(await subscribersAgree(system, subscribersOf(turns))).toEqual([]);
  await expectFired("after-snapshot", "after-subscribe");
  await closeAll(turns);
});
