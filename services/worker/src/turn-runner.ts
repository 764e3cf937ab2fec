import { randomBytes } from "node:crypto";
import type { Claim, Claimable, ClaimedTurn } from "@boocode/store";
import { createUserShares } from "./user-shares.ts";

/**
 * Claims and runs turns, at most `capacity` at once. Turns mostly wait on the network. A slot whose turn has ended claims again
 * at once while turns wait, whichever worker has their wake-ups.
 */
export interface TurnRunner {
  /**
   * Waits for room, then begins to claim the next turn in the fair order, which need not be this one: a wake-up only says that a
   * turn waits. Resolves then, so that a caller that awaits it brings at most one wake-up more than there are slots.
   */
  run(turnId: string): Promise<void>;
  /** Claims and runs at most `most` due turns while there is room. @returns how many were claimed */
  runDue(most: number): Promise<number>;
  /** @param doWait whether turns wait for slots, whose wake-ups may lie at workers without room: then each free slot claims */
  noteWaiting(doWait: boolean): void;
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
  /** Claims at most `most` turns, the first ones of the fair order. */
  claim(which: Claimable, claim: Claim, most: number): Promise<ClaimedTurn[]>;
  /** Runs a claimed turn until its attempt ends; never throws. @returns whether another turn waits for the slot */
  process(turn: ClaimedTurn, claimedAt: number): Promise<boolean>;
  /** Does the same for a poison candidate, in a process of its own; never throws. */
  processIsolated(turn: ClaimedTurn, claimedAt: number): Promise<boolean>;
  /** A claim failed. The turns that wait are found by the reconcilers. */
  onError(error: unknown): void;
}

/** In an object, because an async function would wait for the bare promise. */
interface Started {
  /** Resolves when the turn's attempt has ended, with whether another turn may wait for the slot. */
  run: Promise<boolean>;
}

/** A free slot that asks for a turn. */
interface Asking {
  kind: Claimable["kind"];
  /** The turn that a wake-up names. */
  woken: string | null;
  answer(started: Started | null): void;
  fail(error: unknown): void;
}

export function createTurnRunner(deps: TurnRunnerDeps): TurnRunner {
  const running = new Set<Promise<unknown>>();
  const shares = createUserShares(deps.capacity);
  let claiming = 0;
  let isolated = 0;
  let draining = false;
  /** Callers that wait for room, or for the last turn's end. */
  const waiting = new Set<() => void>();
  /** Slots that no claim serves yet. */
  let asking: Asking[] = [];
  let isClaiming = false;
  let doWait = false;
  /** Running turns that were claimed without a wake-up: theirs is still to come, and needs no claim. */
  const unasked = new Set<string>();

  const isRoom = () => !draining && running.size + claiming < deps.capacity;

  /** Claims a turn for a slot that is free, and starts it. @returns null when nothing was claimed */
  async function claimFor(kind: Claimable["kind"], woken: string | null): Promise<Started | null> {
    claiming += 1;
    try {
      return await new Promise<Started | null>((answer, fail) => {
        asking.push({ kind, woken, answer, fail });
        void claimAll();
      });
    } finally {
      claiming -= 1;
      wakeWaiting();
    }
  }

  /**
   * Claims until no slot asks: one claim after the other, because each must know whose turns the ones before it took, and each
   * for all slots that have asked meanwhile.
   */
  async function claimAll(): Promise<void> {
    if (isClaiming) return;
    isClaiming = true;
    // Those who ask in the same moment are served together.
    await Promise.resolve();
    for (let first = asking[0]; first; first = asking[0]) {
      const { kind } = first;
      const served = asking.filter((each) => each.kind === kind);
      asking = asking.filter((each) => each.kind !== kind);
      await claimFew(kind, served).catch((error: unknown) => {
        for (const { fail } of served) fail(error);
      });
    }
    isClaiming = false;
  }

  async function claimFew(kind: Claimable["kind"], served: readonly Asking[]): Promise<void> {
    const claimedAt = performance.now();
    const { workerId, leaseMs, maxAttempts } = deps;
    const takesPoisonCandidates = isolated + served.length <= deps.isolatedCapacity;
    const claim = { workerId, nonce: newNonce(), leaseMs, maxAttempts, takesPoisonCandidates, shares: shares.state() };
    const woken = served.flatMap((each) => each.woken ?? []);
    const which: Claimable = kind === "due" ? { kind } : { kind, woken };
    const turns = draining ? [] : await deps.claim(which, claim, served.length);
    for (const turnId of withoutWakeUp(turns, woken)) unasked.add(turnId);
    const started = turns.map((turn) => ({ run: start(turn, claimedAt) }));
    for (const [at, { answer }] of served.entries()) answer(started[at] ?? null);
  }

  function start(turn: ClaimedTurn, claimedAt: number): Promise<boolean> {
    shares.take(turn.owner_id);
    const run = process(turn, claimedAt).finally(() => {
      shares.free(turn.owner_id);
      running.delete(run);
      unasked.delete(turn.id);
    });
    running.add(run);
    return run;
  }

  async function process(turn: ClaimedTurn, claimedAt: number): Promise<boolean> {
    if (!turn.is_poison_candidate) return await deps.process(turn, claimedAt);
    isolated += 1;
    return await deps.processIsolated(turn, claimedAt).finally(() => {
      isolated -= 1;
    });
  }

  /** Lets the slot of a started turn run one turn after the other, and resolves when none waits. */
  async function occupy(first: Started): Promise<void> {
    for (let next: Started | null = first; next; ) {
      const mayWait: boolean = await next.run;
      // Before any caller that waits for room can take the slot: its wake-up is then still there for other workers.
      next = draining || !(mayWait || doWait) ? null : await claimFor("waiting", null).catch(reportFailed);
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
      while (!unasked.has(turnId) && !isRoom()) {
        if (draining) return;
        await new Promise<void>((resolve) => waiting.add(resolve));
      }
      if (unasked.delete(turnId)) return;
      void claimFor("waiting", turnId)
        .catch(reportFailed)
        .then((started) => started && occupy(started));
    },
    async runDue(most) {
      const free = Math.min(most, deps.capacity - running.size - claiming);
      const claims = Array.from({ length: draining ? 0 : Math.max(0, free) }, () => claimFor("due", null));
      const started = (await Promise.all(claims)).filter((each) => each !== null);
      for (const each of started) void occupy(each);
      return started.length;
    },
    noteWaiting(wait) {
      doWait = wait;
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

/**
 * The turns that were claimed without a wake-up. Each wake-up stands for one claim, which may take another turn than the one that
 * it names; whose wake-up was used up is claimed with the wake-up of that one.
 */
function withoutWakeUp(turns: readonly ClaimedTurn[], woken: readonly string[]): string[] {
  const others = turns.map(({ id }) => id).filter((id) => !woken.includes(id));
  const unused = woken.length - (turns.length - others.length);
  return others.slice(Math.max(0, unused));
}

/** Distinguishes an attempt from every other with the same numbers: 40 random bits, in the alphabet of cursors. */
export const newNonce = () => randomBytes(5).readUIntBE(0, 5).toString(36);
