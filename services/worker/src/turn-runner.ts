import { randomBytes } from "node:crypto";
import type { Claim, Claimable, ClaimedTurn } from "@boocode/store";
import { createUserShares } from "./user-shares.ts";

/**
 * Claims and runs turns, at most `capacity` at once. Turns mostly wait on the network. A slot whose turn has ended is offered
 * to the next waiting turn at once, whichever worker has its wake-up, until no turn waits.
 */
export interface TurnRunner {
  /**
   * Waits for room, then begins to claim the next turn in the fair order, which need not be this one: a wake-up only says that a
   * turn waits. Resolves then, so that a caller that awaits it brings at most one wake-up more than there are slots.
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
  claim(which: Claimable, claim: Claim): Promise<ClaimedTurn | null>;
  /** Runs a claimed turn until its attempt ends; never throws. */
  process(turn: ClaimedTurn, claimedAt: number): Promise<void>;
  /** Does the same for a poison candidate, in a process of its own; never throws. */
  processIsolated(turn: ClaimedTurn, claimedAt: number): Promise<void>;
  /** A claim failed. The turns that wait are found by the reconcilers. */
  onError(error: unknown): void;
}

/** In an object, because an async function would wait for the bare promise. */
interface Started {
  run: Promise<void>;
}

export function createTurnRunner(deps: TurnRunnerDeps): TurnRunner {
  const running = new Set<Promise<void>>();
  const shares = createUserShares(deps.capacity);
  let claiming = 0;
  let isolated = 0;
  let draining = false;
  /** Callers that wait for room, or for the last turn's end. */
  const waiting = new Set<() => void>();
  /** The last claim. Claims run one after the other: each must know whose turns the ones before it took. */
  let lastClaim: Promise<unknown> = Promise.resolve();

  const isRoom = () => !draining && running.size + claiming < deps.capacity;

  /** Claims a turn for a slot that is free, and starts it. @returns null when nothing was claimed */
  async function claimFor(which: Claimable): Promise<Started | null> {
    claiming += 1;
    try {
      const claim = lastClaim.then(() => (draining ? null : claimNext(which)));
      lastClaim = claim.catch(() => {});
      return await claim;
    } finally {
      claiming -= 1;
      wakeWaiting();
    }
  }

  async function claimNext(which: Claimable): Promise<Started | null> {
    const claimedAt = performance.now();
    const { workerId, leaseMs, maxAttempts } = deps;
    const room = { takesPoisonCandidates: isolated < deps.isolatedCapacity, usersAtLimit: shares.usersAtLimit() };
    const turn = await deps.claim(which, { workerId, nonce: newNonce(), leaseMs, maxAttempts, ...room });
    return turn && { run: start(turn, claimedAt) };
  }

  function start(turn: ClaimedTurn, claimedAt: number): Promise<void> {
    shares.take(turn.owner_id);
    const run = process(turn, claimedAt).finally(() => {
      shares.free(turn.owner_id);
      running.delete(run);
    });
    running.add(run);
    return run;
  }

  async function process(turn: ClaimedTurn, claimedAt: number): Promise<void> {
    if (!turn.is_poison_candidate) return await deps.process(turn, claimedAt);
    isolated += 1;
    await deps.processIsolated(turn, claimedAt).finally(() => {
      isolated -= 1;
    });
  }

  /** Lets the slot of a started turn run one turn after the other, and resolves when none waits. */
  async function occupy(first: Started): Promise<void> {
    for (let next: Started | null = first; next; ) {
      await next.run;
      // Before any caller that waits for room can take the slot: its wake-up is then still there for other workers.
      next = draining ? null : await claimFor({ kind: "waiting", woken: null }).catch(reportFailed);
    }
    wakeWaiting();
  }

  function reportFailed(error: unknown): null {
    deps.onError(error);
    return null;
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
      void claimFor({ kind: "waiting", woken: turnId })
        .catch(reportFailed)
        .then((started) => started && occupy(started));
    },
    async runDue(most) {
      for (let claimed = 0; ; claimed++) {
        const started = claimed < most && isRoom() ? await claimFor({ kind: "due" }) : null;
        if (!started) return claimed;
        void occupy(started);
      }
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
