import type { Claim, ClaimedTurn } from "@boocode/store";
import { expect, test } from "vitest";
import { createTurnRunner } from "./turn-runner.ts";

function setUp(capacity: number) {
  const ends = new Map<string, () => void>();
  const claimed: string[] = [];
  const due = ["due 1", "due 2"];
  const claim = async (id: string | undefined) => {
    if (id === undefined) return null;
    claimed.push(id);
    return { id, is_poison_candidate: false } as ClaimedTurn;
  };
  const runner = createTurnRunner({
    capacity,
    ...{ isolatedCapacity: 1, maxAttempts: 3, workerId: "w", leaseMs: 1_000 },
    claim: (id: string, _claim: Claim) => claim(id),
    claimDue: () => claim(due.shift()),
    process: (turn) => new Promise((resolve) => ends.set(turn.id, resolve)),
    processIsolated: async () => {},
  });
  return { runner, claimed, end: (id: string) => ends.get(id)?.() };
}

const aMoment = () => new Promise(setImmediate);

test("a turn that arrives while there is no room waits for room and is not dropped", async () => {
  const { runner, claimed, end } = setUp(2);
  expect(await runner.runDue(5)).toBe(2);
  const arriving = runner.run("arriving");
  await aMoment();
  expect(claimed).toEqual(["due 1", "due 2"]);
  end("due 1");
  await aMoment();
  expect(claimed).toEqual(["due 1", "due 2", "arriving"]);
  end("arriving");
  await arriving;
  expect(runner.running()).toBe(1);
});

test("a caller that waits for room when the runner drains returns without a claim", async () => {
  const { runner, claimed, end } = setUp(1);
  await runner.runDue(1);
  const arriving = runner.run("arriving");
  const drained = runner.drain(10_000);
  await arriving;
  end("due 1");
  await drained;
  expect(claimed).toEqual(["due 1"]);
});
