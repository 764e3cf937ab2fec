import type { CancelReason, ReplyRecord, TurnEnd } from "@boocode/contracts";
import { type Failpoint, withDeadline } from "@boocode/runtime";
import {
  commitStep,
  type EndedTurn,
  endTurn,
  type Fence,
  isTransient,
  type Pool,
  readCancelReason,
  releaseTurn,
  saveContext,
  saveDrafts,
  saveToolCalls,
  spendAttempt,
  startMessage,
} from "@boocode/store";
import { TurnStopped } from "./hold-leases.ts";
import type { TurnWrites } from "./play-turn.ts";

/** A turn's reads and writes that outlast a database which is away for a moment. */
export interface TurnStore {
  /** Reads until it succeeds. @throws TurnStopped when the lease is over before that */
  read<T>(what: string, read: () => Promise<T>, mayWrite: () => boolean): Promise<T>;
  writes(fence: Fence, mayWrite: () => boolean): TurnWrites;
  endTurn(
    fence: Fence,
    end: TurnEnd,
    reply: ReplyRecord | null,
    lastSeq: number,
    mayWrite: () => boolean,
  ): Promise<EndedTurn | "cancelling" | "lost">;
  cancelReason(fence: Fence): Promise<CancelReason | null>;
  /** Saves the text so far and gives the turn back. @returns false when it is being cancelled or no longer this worker's */
  release(fence: Fence, reply: ReplyRecord | null, lastSeq: number, mayWrite: () => boolean): Promise<boolean>;
  /**
   * Gives the turn back to be done again by another attempt, after `waitMs`.
   * @returns false when it has no attempt left, is being cancelled, or is no longer this worker's
   */
  spendAttempt(fence: Fence, reply: ReplyRecord | null, lastSeq: number, again: AnotherAttempt): Promise<boolean>;
}

interface AnotherAttempt {
  maxAttempts: number;
  waitMs: number;
  mayWrite: () => boolean;
}

const DEADLINE_MS = 3_000;
const RETRY_MS = 100;

/** Each write is idempotent under its fence, so that one whose answer was lost is simply made again. */
export function createTurnStore(pool: Pool, failpoint: Failpoint): TurnStore {
  async function persist<T>(what: string, write: () => Promise<T>, mayWrite: () => boolean, lost: T): Promise<T> {
    for (;;) {
      if (!mayWrite()) return lost;
      try {
        const written = await withDeadline(DEADLINE_MS, what, write());
        await failpoint(`after-${what}`);
        return written;
      } catch (error) {
        if (!isTransient(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  async function saveReply(fence: Fence, reply: ReplyRecord | null, lastSeq: number): Promise<void> {
    if (reply) await saveDrafts(pool, [{ ...fence, ...reply, lastSeq }]);
  }

  return {
    async read(what, read, mayWrite) {
      const result = await persist<{ value: Awaited<ReturnType<typeof read>> } | null>(
        what,
        async () => ({ value: await read() }),
        mayWrite,
        null,
      );
      if (!result) throw new TurnStopped({ kind: "lost" });
      return result.value;
    },
    writes: (fence, mayWrite) => ({
      startMessage: (message) => persist("start-message", () => startMessage(pool, fence, message), mayWrite, false),
      saveContext: (messageId, context, lastSeq) =>
        persist("save-context", () => saveContext(pool, fence, { messageId, context, lastSeq }), mayWrite, false),
      saveToolCalls: (reply, lastSeq) =>
        persist("save-tool-calls", () => saveToolCalls(pool, fence, reply, lastSeq), mayWrite, false),
      commitStep: (reply, step, tools, lastSeq) =>
        persist("commit-step", () => commitStep(pool, fence, { reply, step, tools, lastSeq }), mayWrite, false),
    }),
    endTurn: (fence, end, reply, lastSeq, mayWrite) =>
      persist<EndedTurn | "cancelling" | "lost">(
        "end-turn",
        () => endTurn(pool, fence, { end, reply, lastSeq }),
        mayWrite,
        "lost",
      ),
    cancelReason: (fence) => readCancelReason(pool, fence),
    // Not given back, the turn would wait for its lease to end, and that would cost it an attempt.
    release(fence, reply, lastSeq, mayWrite) {
      const giveBack = async () => {
        await saveReply(fence, reply, lastSeq);
        return await releaseTurn(pool, fence);
      };
      return persist("release", giveBack, mayWrite, false);
    },
    spendAttempt(fence, reply, lastSeq, { maxAttempts, waitMs, mayWrite }) {
      const spend = async () => {
        await saveReply(fence, reply, lastSeq);
        return await spendAttempt(pool, fence, maxAttempts, waitMs);
      };
      return persist("spend-attempt", spend, mayWrite, false);
    },
  };
}
