import type { Claim, ClaimedTurn } from "@boocode/store";
import { newNonce } from "./new-nonce.ts";

/** The turns that this process runs, at most `capacity` at once; they wait on the network most of the time. */
export interface TurnRunner {
  /** Claims this turn and runs it, if there is room and it is its time. Resolves when it has ended, or at once. */
  take(turnId: string): Promise<void>;
  /** Claims turns that are due, as long as there is room. Resolves when the claims are made. */
  takeDue(): Promise<void>;
  running(): number;
  /** Claims no more and resolves when the last turn has ended, or `ms` have passed. */
  settle(ms: number): Promise<void>;
}

export interface TurnRunnerDeps {
  capacity: number;
  workerId: string;
  leaseMs: number;
  claim(turnId: string, claim: Claim): Promise<ClaimedTurn | null>;
  claimDue(claim: Claim): Promise<ClaimedTurn | null>;
  /** Runs a claimed turn to its end; never throws. */
  process(turn: ClaimedTurn, claimedAt: number): Promise<void>;
}

export function createTurnRunner(deps: TurnRunnerDeps): TurnRunner {
  const running = new Set<Promise<void>>();
  let claiming = 0;
  let settled = false;

  const isRoom = () => !settled && running.size + claiming < deps.capacity;

  /** @returns the run, or null when nothing was claimed */
  async function start(claim: (claim: Claim) => Promise<ClaimedTurn | null>): Promise<{ run: Promise<void> } | null> {
    claiming += 1;
    try {
      const claimedAt = performance.now();
      const turn = await claim({ workerId: deps.workerId, nonce: newNonce(), leaseMs: deps.leaseMs });
      if (!turn) return null;
      const run = deps.process(turn, claimedAt).finally(() => running.delete(run));
      running.add(run);
      return { run };
    } finally {
      claiming -= 1;
    }
  }

  return {
    async take(turnId) {
      if (!isRoom()) return;
      const started = await start((claim) => deps.claim(turnId, claim));
      await started?.run;
    },
    async takeDue() {
      while (isRoom()) if (!(await start(deps.claimDue))) return;
    },
    running: () => running.size,
    async settle(ms) {
      settled = true;
      const until = performance.now() + ms;
      while (running.size + claiming > 0 && performance.now() < until) {
        await Promise.race([Promise.allSettled([...running]), new Promise((resolve) => setTimeout(resolve, 50))]);
      }
    },
  };
}
