import { randomBytes } from "node:crypto";
import type { Claim, ClaimedTurn } from "@boocode/store";

/** Claims and runs turns, at most `capacity` at once. Turns mostly wait on the network. */
export interface TurnRunner {
  /**
   * Waits for room, then claims this turn, if it is due, and runs it. Resolves when the turn has ended or cannot be claimed,
   * so that a caller does not bring more turns than can run.
   */
  run(turnId: string): Promise<void>;
  /** Claims and runs at most `most` due turns while there is room. @returns how many were claimed */
  runDue(most: number): Promise<number>;
  running(): number;
  /** Stops claiming, and resolves when the last turn has ended or `ms` have passed. */
  drain(ms: number): Promise<void>;
}

export interface TurnRunnerDeps {
  capacity: number;
  /** How many of them may be isolated turns. */
  isolatedCapacity: number;
  maxAttempts: number;
  workerId: string;
  leaseMs: number;
  claim(turnId: string, claim: Claim): Promise<ClaimedTurn | null>;
  claimDue(claim: Claim): Promise<ClaimedTurn | null>;
  /** Runs a claimed turn until its attempt ends; never throws. */
  process(turn: ClaimedTurn, claimedAt: number): Promise<void>;
  /** Does the same for a poison candidate, in a process of its own; never throws. */
  processIsolated(turn: ClaimedTurn, claimedAt: number): Promise<void>;
}

export function createTurnRunner(deps: TurnRunnerDeps): TurnRunner {
  const running = new Set<Promise<void>>();
  let claiming = 0;
  let isolated = 0;
  let draining = false;
  /** Callers that wait for room, or for the last turn's end. */
  const waiting = new Set<() => void>();

  const isRoom = () => !draining && running.size + claiming < deps.capacity;

  /** @returns the run, or null when nothing was claimed */
  async function start(claim: (claim: Claim) => Promise<ClaimedTurn | null>): Promise<{ run: Promise<void> } | null> {
    claiming += 1;
    try {
      const claimedAt = performance.now();
      const { workerId, leaseMs, maxAttempts } = deps;
      const takesPoisonCandidates = isolated < deps.isolatedCapacity;
      const turn = await claim({ workerId, nonce: newNonce(), leaseMs, maxAttempts, takesPoisonCandidates });
      if (!turn) return null;
      const run = process(turn, claimedAt).finally(() => {
        running.delete(run);
        wakeWaiting();
      });
      running.add(run);
      return { run };
    } finally {
      claiming -= 1;
      wakeWaiting();
    }
  }

  async function process(turn: ClaimedTurn, claimedAt: number): Promise<void> {
    if (!turn.is_poison_candidate) return await deps.process(turn, claimedAt);
    isolated += 1;
    await deps.processIsolated(turn, claimedAt).finally(() => {
      isolated -= 1;
    });
  }

  /** Resolves when a claim or a turn has ended, or at the given time of `performance.now()`. */
  async function changeBefore(until: number): Promise<void> {
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, until - performance.now());
      waiting.add(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }

  function wakeWaiting(): void {
    for (const wake of waiting) wake();
    waiting.clear();
  }

  return {
    async run(turnId) {
      while (!isRoom()) {
        if (draining) return;
        await new Promise<void>((resolve) => waiting.add(resolve));
      }
      const started = await start((claim) => deps.claim(turnId, claim));
      await started?.run;
    },
    async runDue(most) {
      let claimed = 0;
      while (claimed < most && isRoom() && (await start(deps.claimDue))) claimed += 1;
      return claimed;
    },
    running: () => running.size,
    async drain(ms) {
      draining = true;
      wakeWaiting();
      const until = performance.now() + ms;
      while (running.size + claiming > 0 && performance.now() < until) await changeBefore(until);
    },
  };
}

/** Distinguishes an attempt from every other with the same numbers: 40 random bits, in the alphabet of cursors. */
export const newNonce = () => randomBytes(5).readUIntBE(0, 5).toString(36);
