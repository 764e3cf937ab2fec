import type { ClaimedTurn } from "@boocode/store";
import { expect, test } from "vitest";
import { createTurnRunner } from "./turn-runner.ts";

function startRunner(claim: () => Promise<ClaimedTurn | null>, process: () => Promise<void> = async () => {}) {
  return createTurnRunner({
    capacity: 2,
    isolatedCapacity: 1,
    maxAttempts: 3,
    workerId: "w1",
    leaseMs: 1_000,
    claim,
    claimDue: claim,
    process,
    processIsolated: process,
  });
}

const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const turn = { is_poison_candidate: false } as ClaimedTurn;

test("draining while a claim is on its way does not block the event loop", async () => {
  const runner = startRunner(() => after(20).then(() => null));
  void runner.run("t1");
  let timers = 0;
  setTimeout(() => {
    timers += 1;
  }, 10);
  await runner.drain(5_000);
  expect(timers).toBe(1);
});

test("draining waits for a turn that is claimed meanwhile, and at most for the given time", async () => {
  let isOver = false;
  const runner = startRunner(
    () => after(20).then(() => turn),
    async () => {
      await after(20);
      isOver = true;
    },
  );
  void runner.run("t1");
  await runner.drain(10_000);
  expect([isOver, runner.running()]).toEqual([true, 0]);

  const stuck = startRunner(
    async () => turn,
    () => new Promise(() => {}),
  );
  void stuck.run("t1");
  await stuck.drain(30);
  expect(stuck.running()).toBe(1);
  await stuck.run("t2");
  expect(stuck.running()).toBe(1);
});
