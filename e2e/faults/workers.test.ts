import { setTimeout as delay } from "node:timers/promises";
import type { ServiceProcess } from "@boocode/local-stack";
import { afterEach, beforeEach, expect, test } from "vitest";
import { brokenInvariants, untilAllEnded, viewersAgree } from "../harness/invariants.ts";
import { type System, startSystem, type User } from "../harness/start-system.ts";
import { closeAll, untilAllSpeak, viewersOf, type WatchedTurn, watchTurns } from "../harness/turns.ts";

let system: System;
let user: User;

beforeEach(async () => {
  system = await startSystem({ apis: 2, workers: 3, gateways: 2 });
  user = await system.addUser("ada");
});
afterEach(() => system.stop());

async function agreed(turns: WatchedTurn[]): Promise<void> {
  await untilAllEnded(system, 60_000);
  expect(await viewersAgree(system, viewersOf(turns))).toEqual([]);
  expect(await brokenInvariants(system)).toEqual([]);
  await closeAll(turns);
}

test("workers that are killed again and again lose and double nothing", { timeout: 120_000 }, async () => {
  const turns = await watchTurns(system, user, 30, { tokens: 250 });
  for (let kill = 0; kill < 4; kill++) {
    await delay(1_000);
    const victim = system.workers[kill % 3] as ServiceProcess;
    await victim.stop("SIGKILL");
    await system.restart(victim);
  }
  await agreed(turns);
  const silences = turns.map(({ viewer }) => viewer.longestSilenceMs()).sort((a, b) => a - b);
  console.log(
    `silence when workers are killed: p50 ${silences[15]?.toFixed(0)} ms, max ${silences.at(-1)?.toFixed(0)} ms`,
  );
  const [row] = await system.sql<[{ count: number }]>`select count(*) from turns where crashes > 0`;
  expect(row.count).toBeGreaterThan(0);
});

test("a worker that sleeps for longer than its lease writes nothing when it wakes", { timeout: 60_000 }, async () => {
  const turns = await watchTurns(system, user, 12, { tokens: 300 });
  await untilAllSpeak(turns);
  const sleeper = system.workers[0] as ServiceProcess;
  sleeper.process.kill("SIGSTOP");
  await delay(7_500);
  sleeper.process.kill("SIGCONT");
  await agreed(turns);
});

test("a worker that is asked to stop hands its turns back, spends no attempt, and ends with 0", {
  timeout: 60_000,
}, async () => {
  const leaving = await system.start("worker", { SHUTDOWN_GRACE_MS: "9000" });
  await Promise.all(system.workers.slice(0, 3).map((worker) => worker.stop()));
  const turns = await watchTurns(system, user, 20, { tokens: 300 });
  await untilAllSpeak(turns);
  await system.start("worker");
  expect(await leaving.stop()).toBe(0);
  await agreed(turns);
  const [row] = await system.sql<[{ crashes: number; hand_backs: number }]>`
    select sum(crashes)::int as crashes, sum(hand_backs)::int as hand_backs from turns`;
  expect(row.crashes).toBe(0);
  expect(row.hand_backs).toBeGreaterThan(0);
});

test("a turn that kills its worker each time ends failed after three attempts, and the workers live on without it", {
  timeout: 90_000,
}, async () => {
  // Every worker dies after its second commit of a step; only the poisoned turn has steps.
  for (const worker of [...system.workers]) {
    await worker.stop();
    await system.restart(worker, { FAULT_POINTS: "after-commit-step:kill" });
  }
  const healthy = await watchTurns(system, user, 6, { tokens: 100 });
  const tool = { name: "list_dir", arguments: {} };
  const poisoned = await watchTurns(system, user, 1, { tokens: 3, tool_depth: 5, tool, ignore_tool_choice: true });
  const [turn] = poisoned as [WatchedTurn];
  let revived = 0;
  const reviving = (async () => {
    for (;;) {
      const dead = system.workers.find((worker) => worker.process.signalCode === "SIGKILL");
      if (dead) {
        await system.restart(dead, { FAULT_POINTS: "after-commit-step:kill" });
        revived += 1;
      }
      const [row] = await system.sql<{ status: string }[]>`select status from turns where id = ${turn.turnId}`;
      if (row?.status !== "queued" && row?.status !== "running") return row?.status;
      await delay(100);
    }
  })();
  expect(await reviving).toBe("failed");
  await agreed([...healthy, ...poisoned]);
  const [row] = await system.sql<[{ status: string; error_code: string; crashes: number }]>`
    select status, error_code, crashes from turns where id = ${turn.turnId}`;
  expect(row).toEqual({ status: "failed", error_code: "attempts_exhausted", crashes: 3 });
  expect(revived).toBeGreaterThanOrEqual(2);
  expect(system.lines.filter((line) => line.includes("fault point after-commit-step fired"))).toHaveLength(3);
  const next = await watchTurns(system, user, 5, { tokens: 10 });
  await agreed(next);
  const [after] = await system.sql<[{ count: number }]>`
    select count(*) from turns where status = 'complete' and id = any(${next.map(({ turnId }) => turnId)}::uuid[])`;
  expect(after.count).toBe(5);
});
