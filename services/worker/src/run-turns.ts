import { randomBytes } from "node:crypto";
import type { Claim, ClaimedTurn } from "@boocode/store";

/** The turns that this process runs, at most `capacity` at once; they wait on the network most of the time. */
export interface TurnRunner {
  /**
   * Claims this turn and runs it, as soon as there is room and if it is its time then. Resolves when it has ended, or when there is
   * nothing to run: whoever brings turns brings no more than can run.
   */
  take(turnId: string): Promise<void>;
  /** Claims turns that are due, as long as there is room, at most `most`. @returns how many were claimed */
  takeDue(most: number): Promise<number>;
  running(): number;
  /** Claims no more and resolves when the last turn has ended, or `ms` have passed. */
  settle(ms: number): Promise<void>;
}

export interface TurnRunnerDeps {
  capacity: number;
  /** Of them, suspects: each has a process of its own. */
  isolatedCapacity: number;
  maxAttempts: number;
  workerId: string;
  leaseMs: number;
  claim(turnId: string, claim: Claim): Promise<ClaimedTurn | null>;
  claimDue(claim: Claim): Promise<ClaimedTurn | null>;
  /** Runs a claimed turn to its end; never throws. */
  process(turn: ClaimedTurn, claimedAt: number): Promise<void>;
  /** The same for a suspect, apart from all others; never throws. */
  processIsolated(turn: ClaimedTurn, claimedAt: number): Promise<void>;
}

export function createTurnRunner(deps: TurnRunnerDeps): TurnRunner {
  const running = new Set<Promise<void>>();
  let claiming = 0;
  let isolated = 0;
  let settled = false;
  /** Those who wait for room; each looks again. */
  const waiting = new Set<() => void>();

  const isRoom = () => !settled && running.size + claiming < deps.capacity;

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
        lookAgain();
      });
      running.add(run);
      return { run };
    } finally {
      claiming -= 1;
      lookAgain();
    }
  }

  async function process(turn: ClaimedTurn, claimedAt: number): Promise<void> {
    if (!turn.is_poison_candidate) return await deps.process(turn, claimedAt);
    isolated += 1;
    await deps.processIsolated(turn, claimedAt).finally(() => {
      isolated -= 1;
    });
  }

  function lookAgain(): void {
    for (const look of waiting) look();
    waiting.clear();
  }

  return {
    async take(turnId) {
      while (!isRoom()) {
        if (settled) return;
        await new Promise<void>((resolve) => waiting.add(resolve));
      }
      const started = await start((claim) => deps.claim(turnId, claim));
      await started?.run;
    },
    async takeDue(most) {
      let taken = 0;
      while (taken < most && isRoom() && (await start(deps.claimDue))) taken += 1;
      return taken;
    },
    running: () => running.size,
    async settle(ms) {
      settled = true;
      lookAgain();
      const until = performance.now() + ms;
      while (running.size + claiming > 0 && performance.now() < until) {
        await Promise.race([Promise.allSettled([...running]), new Promise((resolve) => setTimeout(resolve, 50))]);
      }
    },
  };
}

/** Distinguishes an attempt from every other with the same numbers: 40 random bits, in the alphabet of cursors. */
export const newNonce = () => randomBytes(5).readUIntBE(0, 5).toString(36);
