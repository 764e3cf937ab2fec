import type { CancelReason } from "@boocode/contracts";
import { every } from "@boocode/runtime";
import type { Fence, HeldTurn } from "@boocode/store";

/** Why a turn is stopped before its end. `lost` means that nothing may be written any more. */
export class TurnStopped extends Error {
  override name = "TurnStopped";
  readonly why: { kind: "lost" } | { kind: "released" } | { kind: "cancelled"; reason: CancelReason };

  constructor(why: TurnStopped["why"]) {
    super(`the turn was stopped: ${why.kind}`);
    this.why = why;
  }
}

/** The right to write for a turn, for as long as the lease surely holds. */
export interface Lease {
  readonly fence: Fence;
  /** Aborts with a `TurnStopped`. */
  readonly signal: AbortSignal;
  /** False when the last good heartbeat is so old that another worker may hold the turn. */
  mayWrite(): boolean;
  stop(why: TurnStopped["why"]): void;
  /** The turn's end is being written: a beat that no longer finds it running has found nothing wrong. */
  ending(): void;
  drop(): void;
}

export interface Leases {
  /** @param claimedAt when the claim was asked for, on the monotonic clock (`performance.now()`) */
  hold(fence: Fence, claimedAt: number): Lease;
  holds(turnId: string): boolean;
  /** Looks now instead of at the next beat: a cancel was hinted at, or a write was refused. */
  look(): void;
  /** Asks every turn to stop and be given back to the queue. */
  releaseAll(): void;
  stop(): Promise<void>;
}

export interface LeasesDeps {
  leaseMs: number;
  heartbeatMs: number;
  /** Stop writing so long before the lease ends by the database's clock. */
  marginMs: number;
  /** One statement for all turns of the process. */
  renew(held: Fence[]): Promise<Map<string, HeldTurn>>;
  onError(error: unknown): void;
}

/** A turn whose row was locked is renewed again after so long: rows are mostly locked for milliseconds. */
const LOCKED_RETRY_MS = 100;

/** Keeps the leases of this process's turns, and stops a turn that was cancelled or whose lease cannot be kept. */
export function createLeases(deps: LeasesDeps): Leases {
  interface Held {
    fence: Fence;
    controller: AbortController;
    /** On the monotonic clock, when the renewal that succeeded was asked for: the database's lease began no earlier. */
    renewedAt: number;
    lost: boolean;
    isEnding: boolean;
  }
  const held = new Map<string, Held>();
  const lifeMs = deps.leaseMs - deps.marginMs;
  let beating: Promise<void> | null = null;
  let beatAgain = false;
  let retry: NodeJS.Timeout | undefined;

  function stopTurn(turn: Held, why: TurnStopped["why"]): void {
    // A turn that is already stopping for another reason can still lose its lease; only the first reason aborts.
    if (why.kind === "lost") turn.lost = true;
    turn.controller.abort(new TurnStopped(why));
  }

  async function beat(): Promise<void> {
    const turns = [...held.values()].filter((turn) => !turn.lost);
    if (turns.length === 0) return;
    const askedAt = performance.now();
    try {
      const kept = await deps.renew(turns.map((turn) => turn.fence));
      for (const turn of turns) {
        const state = kept.get(turn.fence.turnId);
        if (state?.isRenewed) turn.renewedAt = askedAt;
        if (state?.cancel) stopTurn(turn, { kind: "cancelled", reason: state.cancel });
        if (!state && !turn.isEnding) stopTurn(turn, { kind: "lost" });
      }
      clearTimeout(retry);
      if ([...kept.values()].some(({ isRenewed }) => !isRenewed))
        retry = setTimeout(() => void look(), LOCKED_RETRY_MS);
    } catch (error) {
      deps.onError(error);
    }
    for (const turn of turns) if (!inTime(turn)) stopTurn(turn, { kind: "lost" });
  }

  /** One beat at a time: two statements over the same rows would only wait for each other. */
  function look(): Promise<void> {
    if (beating) {
      beatAgain = true;
      return beating;
    }
    beating = beat().finally(() => {
      beating = null;
      if (beatAgain) {
        beatAgain = false;
        void look();
      }
    });
    return beating;
  }

  const inTime = (turn: Held) => performance.now() - turn.renewedAt < lifeMs;
  const stop = every(() => deps.heartbeatMs, look, deps.onError);

  return {
    hold(fence, claimedAt) {
      const turn: Held = {
        fence,
        controller: new AbortController(),
        renewedAt: claimedAt,
        lost: false,
        isEnding: false,
      };
      held.set(fence.turnId, turn);
      return {
        fence,
        signal: turn.controller.signal,
        mayWrite: () => {
          // Timers fire late after a pause of the process; the clock does not lie, so it is asked before every write.
          if (!inTime(turn)) stopTurn(turn, { kind: "lost" });
          return !turn.lost;
        },
        stop: (why) => stopTurn(turn, why),
        ending: () => {
          turn.isEnding = true;
        },
        drop: () => {
          if (held.get(fence.turnId) === turn) held.delete(fence.turnId);
        },
      };
    },
    holds: (turnId) => held.has(turnId),
    look: () => void look(),
    releaseAll() {
      for (const turn of held.values()) stopTurn(turn, { kind: "released" });
    },
    async stop() {
      clearTimeout(retry);
      await stop();
    },
  };
}
