import { setTimeout as delay } from "node:timers/promises";
import type { ServiceProcess } from "@boocode/local-stack";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { expectAgreement } from "../harness/expect-agreement.ts";
import { percentiles } from "../harness/percentiles.ts";
import { size } from "../harness/scale.ts";
import { type System, startSystem, type User } from "../harness/start-system.ts";
import { untilAllSpeak, type WatchedTurn, watchTurns } from "../harness/turns.ts";

let system: System;
let user: User;

beforeAll(async () => {
  system = await startSystem({ apis: 2, workers: 3, gateways: 2, env: { USER_LIMITS: "off" } });
  user = await system.addUser("ada");
});
afterEach(() => system.restore());
afterAll(() => system.stop());

const idsOf = (turns: WatchedTurn[]) => turns.map(({ turnId }) => turnId);

async function statuses(turns: WatchedTurn[]): Promise<Record<string, number>> {
  const rows = await system.sql<{ status: string; count: number }[]>`
    select status, count(*)::int from turns where id = any(${idsOf(turns)}::uuid[]) group by status`;
  return Object.fromEntries(rows.map(({ status, count }) => [status, count]));
}

test("workers that are killed repeatedly lose and duplicate nothing", {
  timeout: size(120_000, 600_000),
}, async () => {
  const kills = size(4, 12);
  // Turns start all the time. At full size a worker is killed every five seconds, twelve in all.
  const [everyMs, portions] = [size(1_500, 5_000), 4];
  const portion = Math.ceil(size(30, 250) / kills / portions);
  const turns: WatchedTurn[] = [];
  for (let kill = 0; kill < kills; kill++) {
    for (let i = 0; i < portions; i++) {
      const next = delay(everyMs / portions);
      turns.push(...(await watchTurns(system, user, portion, { tokens: size(60, 100), interval_ms: 40 })));
      await next;
    }
    const victim = system.workers[kill % 3] as ServiceProcess;
    await victim.stop("SIGKILL");
    await system.restart(victim);
  }
  await expectAgreement(system, turns);
  const silences = turns.map(({ subscriber }) => subscriber.longestSilenceMs());
  console.log(`silence when workers are killed: ${percentiles(silences)}`);
  const rows = await system.sql<{ crashes: number; count: number }[]>`
    select crashes, count(*)::int from turns where id = any(${idsOf(turns)}::uuid[]) group by crashes order by crashes`;
  console.log(`turns by their number of crashes: ${rows.map((r) => `${r.crashes}: ${r.count}`)}`);
  expect(rows.some(({ crashes }) => crashes > 0)).toBe(true);
});

test("a worker that sleeps for longer than its lease writes nothing when it wakes", async () => {
  const turns = await watchTurns(system, user, size(12, 60), { tokens: size(200, 300), interval_ms: 40 });
  await untilAllSpeak(turns);
  const sleeper = system.workers[0] as ServiceProcess;
  sleeper.process.kill("SIGSTOP");
  await delay(7_500);
  sleeper.process.kill("SIGCONT");
  await expectAgreement(system, turns);
});

test("a turn whose row stays locked for longer than a lease costs its neighbours nothing", async () => {
  const turns = await watchTurns(system, user, 12, { tokens: 200, interval_ms: 45 });
  await untilAllSpeak(turns);
  const [locked, ...neighbours] = turns as [WatchedTurn, ...WatchedTurn[]];
  // Locks the row like an API that freezes in the middle of a cancel.
  await system.sql.begin(async (sql) => {
    await sql`set local idle_in_transaction_session_timeout = 0`;
    await sql`select id from turns where id = ${locked.turnId} for no key update`;
    await delay(6_000);
  });
  await expectAgreement(system, turns);
  const hit = await system.sql`
    select id, attempt, crashes from turns
    where id = any(${idsOf(neighbours)}::uuid[]) and (crashes > 0 or attempt > 1)`;
  expect(hit).toEqual([]);
});

test("a stopping worker releases its turns, spends no attempt, and exits with 0", {
  timeout: size(60_000, 600_000),
}, async () => {
  const room = { WORKER_CONCURRENCY: "250" };
  const leaving = await system.start("worker", { SHUTDOWN_GRACE_MS: "9000", ...room });
  await Promise.all(system.workers.slice(0, 3).map((worker) => worker.stop()));
  // No turn can end before its worker is gone, however slow the machine is.
  const script = { tokens: size(150, 300), interval_ms: size(40, 150), gate: { name: "gone", at: size(140, 290) } };
  const turns = await watchTurns(system, user, size(20, 200), script);
  await untilAllSpeak(turns);
  await system.start("worker", room);
  expect(await leaving.stop()).toBe(0);
  system.model.release("gone");
  await expectAgreement(system, turns);
  const [row] = await system.sql<[{ crashes: number; hand_backs: number }]>`
    select sum(crashes)::int as crashes, sum(hand_backs)::int as hand_backs from turns where id = any(${idsOf(turns)}::uuid[])`;
  expect(row.crashes).toBe(0);
  expect(row.hand_backs).toBeGreaterThan(0);
});

test("a turn that kills its worker each time fails after three attempts, and its neighbours live", {
  timeout: size(120_000, 600_000),
}, async () => {
  // Every process dies after its first commit of a step; only the poison turn has steps.
  const poison = { FAULT_POINTS: "after-commit-step:kill" };
  for (const worker of [...system.workers]) {
    await worker.stop();
    await system.restart(worker, poison);
  }
  const neighbours = await watchTurns(system, user, size(30, 100), {
    tokens: size(60, 120),
    interval_ms: size(80, 100),
  });
  await untilAllSpeak(neighbours);
  const tool = { name: "list_dir", arguments: {} };
  const [turn] = (await watchTurns(system, user, 1, {
    tokens: 3,
    tool_depth: 5,
    tool,
    ignore_tool_choice: true,
  })) as [WatchedTurn];
  const end = async () => {
    const [row] = await system.sql<[{ status: string; error_code: string; crashes: number; worker_deaths: number }]>`
      select status, error_code, crashes, worker_deaths from turns where id = ${turn.turnId}`;
    return row;
  };
  let revived = 0;
  while (["queued", "running"].includes((await end()).status)) {
    const dead = system.workers.find((worker) => worker.process.signalCode === "SIGKILL");
    if (dead) {
      await system.restart(dead, poison);
      revived += 1;
    }
    await delay(50);
  }
  await expectAgreement(system, [...neighbours, turn], [turn]);
  expect(await end()).toEqual({ status: "failed", error_code: "attempts_exhausted", crashes: 3, worker_deaths: 3 });
  expect(await statuses(neighbours)).toEqual({ complete: neighbours.length });
  // Two workers died; the third attempt ran isolated.
  expect(system.lines.filter((line) => line.includes("failpoint after-commit-step fired"))).toHaveLength(3);
  expect(revived).toBe(2);
  const [hit] = await system.sql<[{ count: number }]>`
    select count(*)::int from turns where id = any(${idsOf(neighbours)}::uuid[]) and worker_deaths = 2`;
  console.log(`neighbours that ran beside it both times: ${hit.count} of ${neighbours.length}`);
});
