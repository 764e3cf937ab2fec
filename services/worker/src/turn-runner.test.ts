import type { Claim, Claimable, ClaimedTurn } from "@boocode/store";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createTurnRunner } from "./turn-runner.ts";
import { mostOfUser } from "./user-shares.ts";

interface Options {
  capacity?: number;
  claim(which: Claimable, claim: Claim): Promise<ClaimedTurn | null>;
  process?(turn: ClaimedTurn): Promise<void>;
}

function startRunner({ capacity = 2, claim, process = async () => {} }: Options) {
  return createTurnRunner({
    capacity,
    isolatedCapacity: 1,
    maxAttempts: 3,
    workerId: "w1",
    leaseMs: 1_000,
    claim,
    process,
    processIsolated: process,
    onError: () => {},
  });
}

const after = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));
const turnOf = (owner_id: string) => ({ owner_id, is_poison_candidate: false }) as ClaimedTurn;

/** A queue of turns, of which each claim takes the first whose user is not at the limit. */
function queueOf(owners: string[]) {
  const queue = owners.map(turnOf);
  return async (_which: Claimable, { usersAtLimit }: Claim) => {
    await after(0);
    const at = queue.findIndex((turn) => !usersAtLimit.includes(turn.owner_id));
    return at < 0 ? null : (queue.splice(at, 1)[0] as ClaimedTurn);
  };
}

/** Turns that end when the test lets them. */
function held() {
  const ends: { owner: string; end(): void }[] = [];
  const process = (turn: ClaimedTurn) =>
    new Promise<void>((end) => {
      ends.push({ owner: turn.owner_id, end });
    });
  return { ends, process, owners: () => ends.map(({ owner }) => owner) };
}

test("draining while a claim is on its way does not block the event loop", async () => {
  const runner = startRunner({ claim: () => after(20).then(() => null) });
  void runner.run("t1");
  await Promise.resolve();
  let timers = 0;
  setTimeout(() => {
    timers += 1;
  }, 10);
  await runner.drain(5_000);
  expect(timers).toBe(1);
});

test("draining waits for a turn that is claimed meanwhile, and at most for the given time", async () => {
  let isOver = false;
  const runner = startRunner({
    claim: () => after(20).then(() => turnOf("a")),
    async process() {
      await after(20);
      isOver = true;
    },
  });
  void runner.run("t1");
  await Promise.resolve();
  await runner.drain(10_000);
  expect([isOver, runner.running()]).toEqual([true, 0]);

  const stuck = startRunner({ claim: async () => turnOf("a"), process: () => new Promise(() => {}) });
  void stuck.run("t1");
  await expect.poll(() => stuck.running()).toBe(1);
  await stuck.drain(30);
  expect(stuck.running()).toBe(1);
  await stuck.run("t2");
  expect(stuck.running()).toBe(1);
});

test("a slot whose turn has ended is offered to the next turn at once, without a wake-up", async () => {
  const { ends, process } = held();
  const runner = startRunner({ claim: queueOf(["a", "b", "c"]), process, capacity: 1 });
  await runner.run("t1");
  for (const count of [1, 2, 3]) {
    await expect.poll(() => ends.length).toBe(count);
    ends.at(-1)?.end();
  }
  await expect.poll(() => runner.running()).toBe(0);
});

test("a full worker keeps a wake-up, and gives it up without a claim when another slot took the turn", async () => {
  const { ends, process } = held();
  const runner = startRunner({ claim: queueOf(["a", "b"]), process, capacity: 1 });
  await runner.run("t1");
  let isKept = true;
  const kept = runner.run("t2").then(() => {
    isKept = false;
  });
  await expect.poll(() => ends.length).toBe(1);
  ends[0]?.end();
  await expect.poll(() => ends.length).toBe(2);
  expect(isKept).toBe(true);
  ends[1]?.end();
  await kept;
  expect(runner.running()).toBe(0);
});

test("a wake-up is over when its claim begins, and a claim that fails is reported", async () => {
  const errors: unknown[] = [];
  const failing = createTurnRunner({
    ...{ capacity: 1, isolatedCapacity: 1, maxAttempts: 3, workerId: "w1", leaseMs: 1_000 },
    ...{ process: async () => {}, processIsolated: async () => {}, onError: (error) => errors.push(error) },
    claim: () => after(1).then(() => Promise.reject(new Error("away"))),
  });
  await failing.run("t1");
  expect(errors).toEqual([]);
  await expect.poll(() => errors).toEqual([new Error("away")]);
  await failing.run("t2");
  await expect.poll(() => errors.length).toBe(2);
});

test("no user holds the last quarter of a worker's slots, however many claims are made at once", async () => {
  expect([1, 2, 3, 4, 8, 50].map(mostOfUser)).toEqual([1, 1, 2, 3, 6, 38]);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 12 }),
      async (capacity, owners) => {
        const { ends, process } = held();
        const runner = startRunner({ claim: queueOf(owners), process, capacity });
        const runs = owners.map((_, at) => runner.run(`t${at}`));
        // Each turn ends in its order once nothing more is claimed.
        const settled = Promise.all(runs).then(() => "settled" as const);
        for (let ended = 0; ; ended++) {
          const most = () =>
            Math.max(
              0,
              ...["a", "b", "c"].map((user) => ends.slice(ended).filter(({ owner }) => owner === user).length),
            );
          for (let quiet = 0; quiet < 5; quiet++) await after(0);
          expect(most()).toBeLessThanOrEqual(mostOfUser(capacity));
          expect(runner.running()).toBeLessThanOrEqual(capacity);
          const next = ends[ended];
          if (!next) break;
          next.end();
        }
        expect(await settled).toBe("settled");
      },
    ),
    { numRuns: 30 },
  );
});
