import type { Claim, Claimable, ClaimedTurn } from "@boocode/store";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createTurnRunner } from "./turn-runner.ts";
import { mostOfUser } from "./user-shares.ts";

interface Options {
  capacity?: number;
  claim(which: Claimable, claim: Claim, most: number): Promise<ClaimedTurn[]>;
  process?(turn: ClaimedTurn): Promise<boolean>;
}

function startRunner({ capacity = 2, claim, process = async () => true }: Options) {
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
let turns = 0;
const turnOf = (owner_id: string, id = `turn ${++turns}`) =>
  ({ id, owner_id, is_poison_candidate: false }) as ClaimedTurn;

/** A queue of turns, of which a claim takes the first ones whose users have room; and the claims, with what they asked for. */
function queueOf(queue: ClaimedTurn[]) {
  const claims: { which: Claimable; most: number }[] = [];
  const claim = async (which: Claimable, { shares }: Claim, most: number) => {
    claims.push({ which, most });
    const held = new Map(shares.held);
    await after(0);
    const taken: ClaimedTurn[] = [];
    for (const turn of [...queue]) {
      const holds = held.get(turn.owner_id) ?? 0;
      if (taken.length === most || holds >= shares.most) continue;
      held.set(turn.owner_id, holds + 1);
      taken.push(...queue.splice(queue.indexOf(turn), 1));
    }
    return taken;
  };
  return { claim, claims };
}
const turnsOf = (...owners: string[]) => owners.map((owner) => turnOf(owner));

/** Turns that end when the test lets them. */
function held() {
  const ends: { owner: string; end(mayWait?: boolean): void }[] = [];
  const process = (turn: ClaimedTurn) =>
    new Promise<boolean>((resolve) => {
      ends.push({ owner: turn.owner_id, end: (mayWait = true) => resolve(mayWait) });
    });
  return { ends, process, owners: () => ends.map(({ owner }) => owner) };
}

test("draining while a claim is on its way does not block the event loop", async () => {
  const runner = startRunner({ claim: () => after(20).then(() => []) });
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
    claim: () => after(20).then(() => turnsOf("a")),
    async process() {
      await after(20);
      isOver = true;
      return true;
    },
  });
  void runner.run("t1");
  await Promise.resolve();
  await runner.drain(10_000);
  expect([isOver, runner.running()]).toEqual([true, 0]);

  const stuck = startRunner({ claim: async () => turnsOf("a"), process: () => new Promise(() => {}) });
  void stuck.run("t1");
  await expect.poll(() => stuck.running()).toBe(1);
  await stuck.drain(30);
  expect(stuck.running()).toBe(1);
  await stuck.run("t2");
  expect(stuck.running()).toBe(1);
});

test("a slot whose turn has ended is offered to the next turn at once, without a wake-up", async () => {
  const { ends, process } = held();
  const runner = startRunner({ claim: queueOf(turnsOf("a", "b", "c")).claim, process, capacity: 1 });
  await runner.run("t1");
  for (const count of [1, 2, 3]) {
    await expect.poll(() => ends.length).toBe(count);
    ends.at(-1)?.end();
  }
  await expect.poll(() => runner.running()).toBe(0);
});

test("a full worker keeps a wake-up, and gives it up without a claim when another slot took the turn", async () => {
  const { ends, process } = held();
  const runner = startRunner({ claim: queueOf(turnsOf("a", "b")).claim, process, capacity: 1 });
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
    ...{ process: async () => true, processIsolated: async () => true, onError: (error) => errors.push(error) },
    claim: () => after(1).then(() => Promise.reject(new Error("away"))),
  });
  await failing.run("t1");
  expect(errors).toEqual([]);
  await expect.poll(() => errors).toEqual([new Error("away")]);
  await failing.run("t2");
  await expect.poll(() => errors.length).toBe(2);
});

test("a slot that becomes free while no turn waits makes no claim", async () => {
  const { ends, process } = held();
  const { claim, claims } = queueOf(turnsOf("a"));
  const runner = startRunner({ claim, process });
  void runner.run("t1");
  await expect.poll(() => ends.length).toBe(1);
  ends[0]?.end(false);
  await expect.poll(() => runner.running()).toBe(0);
  expect(claims).toHaveLength(1);
});

test("while turns are noted to wait for slots, each slot that becomes free claims", async () => {
  const { ends, process } = held();
  const { claim } = queueOf(turnsOf("a", "b"));
  const runner = startRunner({ claim, process });
  runner.noteWaiting(true);
  void runner.run("t1");
  await expect.poll(() => ends.length).toBe(1);
  ends[0]?.end(false);
  await expect.poll(() => ends.length).toBe(2);
  runner.noteWaiting(false);
  ends[1]?.end(false);
  await expect.poll(() => runner.running()).toBe(0);
});

test("one claim serves all slots that asked while the one before was on its way", async () => {
  const { ends, process } = held();
  const { claim, claims } = queueOf(turnsOf("a", "b", "c", "d", "e"));
  let arrive = () => {};
  const arrived = new Promise<void>((resolve) => {
    arrive = resolve;
  });
  const slow = (which: Claimable, by: Claim, most: number) => {
    const taken = claim(which, by, most);
    return arrived.then(() => taken);
  };
  const runner = startRunner({ claim: slow, process, capacity: 20 });
  const runs = ["t1", "t2"].map((turnId) => runner.run(turnId));
  await expect.poll(() => claims.length).toBe(1);
  runs.push(...["t3", "t4", "t5", "t6"].map((turnId) => runner.run(turnId)));
  arrive();
  await expect.poll(() => ends.length).toBe(5);
  expect(claims).toEqual([
    { which: { kind: "waiting", woken: ["t1", "t2"] }, most: 2 },
    { which: { kind: "waiting", woken: ["t3", "t4", "t5", "t6"] }, most: 4 },
  ]);
  for (const { end } of ends) end(false);
  await Promise.all(runs);
  await expect.poll(() => runner.running()).toBe(0);
});

test("a wake-up of a turn that runs here without one makes no claim, and any other one does", async () => {
  const { ends, process } = held();
  const queue = [turnOf("a", "t1")];
  const { claim, claims } = queueOf(queue);
  const runner = startRunner({ claim, process, capacity: 20 });
  void runner.run("t1");
  await expect.poll(() => ends.length).toBe(1);
  queue.push(turnOf("b", "t2"));
  ends[0]?.end();
  await expect.poll(() => ends.length).toBe(2);
  // Claimed for the slot that became free.
  await runner.run("t2");
  expect(claims).toHaveLength(2);
  // Two turns wait, and the wake-up of the one takes the other.
  queue.push(turnOf("c", "t4"), turnOf("c", "t3"));
  void runner.run("t3");
  await expect.poll(() => ends.length).toBe(3);
  void runner.run("t4");
  await expect.poll(() => ends.length).toBe(4);
  expect(queue).toEqual([]);
});

test("no user holds the last quarter of a worker's slots, however many claims are made at once", async () => {
  expect([1, 2, 3, 4, 8, 50].map(mostOfUser)).toEqual([1, 1, 2, 3, 6, 38]);
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 9 }),
      fc.array(fc.constantFrom("a", "b", "c"), { maxLength: 12 }),
      async (capacity, owners) => {
        const { ends, process } = held();
        const runner = startRunner({ claim: queueOf(turnsOf(...owners)).claim, process, capacity });
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
