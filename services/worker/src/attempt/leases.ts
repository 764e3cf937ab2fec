import type { CancelReason } from "@boocode/contracts";
import { every } from "@boocode/runtime";
import type { Fence, HeldTurn } from "@boocode/store";

/*
 * The states of a lease in its worker. A heartbeat that renews it changes `renewedAt` and not the state.
 *
 *   hold() ──> held ────── ending() ─────> ending
 *               │                            │
 *               │ the row is not ours        │
 *               │ or `renewedAt` is too old  │ `renewedAt` is too old
 *               └──────────> lost <──────────┘
 *
 * A lease that is lost because renewals failed, and not because this process stood still, was lost in an outage of the database.
 * Apart from the state, the signal aborts once, for the first reason to stop: cancelled, released or lost. A turn that stops
 * for one of the first two reasons is still held, so that its end can be written. `drop()` forgets the lease in every state.
 */
type LeaseState =
  /** `renewedAt`: when the last successful renewal was sent, by `performance.now()`. The database's lease began no earlier. */
  { kind: "held"; renewedAt: number } | { kind: "ending"; renewedAt: number } | { kind: "lost"; inOutage: boolean };

/** Why a turn is stopped before its end. After `lost`, nothing more may be written. */
export class TurnStopped extends Error {
  override name = "TurnStopped";
  readonly why: { kind: "lost" } | { kind: "released" } | { kind: "cancelled"; reason: CancelReason };

  constructor(why: TurnStopped["why"]) {
    super(`the turn was stopped: ${why.kind}`);
    this.why = why;
  }
}

/** The right to write for a turn, for as long as no other worker can hold it. */
export interface Lease {
  readonly fence: Fence;
  /** Aborts with a `TurnStopped`. */
  readonly signal: AbortSignal;
  /** False once the last successful renewal is so old that another worker may hold the turn. */
  mayWrite(): boolean;
  /** The lease expired because the database did not answer. Its turn may still be nobody else's. */
  wasLostInOutage(): boolean;
  stop(why: TurnStopped["why"]): void;
  /** The turn's end is being written: from now on a heartbeat may find the turn ended. */
  ending(): void;
  drop(): void;
}

export interface Leases {
  /** @param claimedAt when the claim was sent, by `performance.now()` */
  hold(fence: Fence, claimedAt: number): Lease;
  holds(turnId: string): boolean;
  /** Sends a heartbeat now, because a cancel was hinted or a write was refused. */
  renewNow(): void;
  /** Stops every turn, to be put back into the queue. */
  releaseAll(): void;
  stop(): Promise<void>;
}

export interface LeasesDeps {
  leaseMs: number;
  heartbeatMs: number;
  /** Writing stops this long before the lease expires by the database's clock. */
  marginMs: number;
  /** Renews the leases of all turns of the process in one statement. */
  renew(held: Fence[]): Promise<Map<string, HeldTurn>>;
  onError(error: unknown): void;
}

/** The pause before the next heartbeat when a turn's row was locked: row locks mostly last for milliseconds. */
const LOCKED_RETRY_MS = 100;

interface HeldLease {
  fence: Fence;
  controller: AbortController;
  state: LeaseState;
}

/** Renews the leases of this process's turns, and stops a turn that was cancelled or whose lease cannot be kept. */
export function createLeases(deps: LeasesDeps): Leases {
  const held = new Map<string, HeldLease>();
  const lifeMs = deps.leaseMs - deps.marginMs;
  let beating: Promise<void> | null = null;
  let beatAgain = false;
  let retry: NodeJS.Timeout | undefined;
  /** The last heartbeat failed, and not because this process stood still meanwhile. */
  let isAway = false;

  function stopTurn(lease: HeldLease, why: TurnStopped["why"]): void {
    // A turn that is already stopping for another reason can still lose its lease; only the first reason aborts.
    if (why.kind === "lost" && lease.state.kind !== "lost")
      lease.state = { kind: "lost", inOutage: isAway && isTooOld(lease) };
    lease.controller.abort(new TurnStopped(why));
  }

  const isTooOld = ({ state }: HeldLease) => state.kind !== "lost" && performance.now() - state.renewedAt >= lifeMs;

  async function beat(): Promise<void> {
    const leases = [...held.values()].filter(({ state }) => state.kind !== "lost");
    if (leases.length === 0) return;
    const sentAt = performance.now();
    try {
      const kept = await deps.renew(leases.map(({ fence }) => fence));
      isAway = false;
      for (const lease of leases) {
        const row = kept.get(lease.fence.turnId);
        if (row?.isRenewed && lease.state.kind !== "lost") lease.state.renewedAt = sentAt;
        if (row?.cancel) stopTurn(lease, { kind: "cancelled", reason: row.cancel });
        if (!row && lease.state.kind === "held") stopTurn(lease, { kind: "lost" });
      }
      clearTimeout(retry);
      if ([...kept.values()].some(({ isRenewed }) => !isRenewed))
        retry = setTimeout(() => void beatOnce(), LOCKED_RETRY_MS);
    } catch (error) {
      deps.onError(error);
      // A heartbeat fails within its deadline, unless the timers of this process were late.
      isAway = performance.now() - sentAt < 2 * deps.heartbeatMs;
    }
    for (const lease of leases) if (isTooOld(lease)) stopTurn(lease, { kind: "lost" });
  }

  /** One heartbeat at a time: two statements over the same rows would only wait for each other. */
  function beatOnce(): Promise<void> {
    if (beating) {
      beatAgain = true;
      return beating;
    }
    beating = beat().finally(() => {
      beating = null;
      if (beatAgain) {
        beatAgain = false;
        void beatOnce();
      }
    });
    return beating;
  }

  const stop = every(() => deps.heartbeatMs, beatOnce, deps.onError);

  return {
    hold(fence, claimedAt) {
      const lease: HeldLease = {
        fence,
        controller: new AbortController(),
        state: { kind: "held", renewedAt: claimedAt },
      };
      held.set(fence.turnId, lease);
      return {
        fence,
        signal: lease.controller.signal,
        mayWrite: () => {
          // Timers fire late after the process was paused, so the clock is read before every write.
          if (isTooOld(lease)) stopTurn(lease, { kind: "lost" });
          return lease.state.kind !== "lost";
        },
        wasLostInOutage: () => lease.state.kind === "lost" && lease.state.inOutage,
        stop: (why) => stopTurn(lease, why),
        ending: () => {
          if (lease.state.kind === "held") lease.state = { kind: "ending", renewedAt: lease.state.renewedAt };
        },
        drop: () => {
          if (held.get(fence.turnId) === lease) held.delete(fence.turnId);
        },
      };
    },
    holds: (turnId) => held.has(turnId),
    renewNow: () => void beatOnce(),
    releaseAll() {
      for (const lease of held.values()) stopTurn(lease, { kind: "released" });
    },
    async stop() {
      clearTimeout(retry);
      await stop();
    },
  };
}
