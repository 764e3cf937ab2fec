import type { CancelReason } from "@boocode/contracts";
import { type FaultPoint, within } from "@boocode/runtime";
import {
  commitStep,
  type EndedTurn,
  endTurn,
  type Fence,
  handBackTurn,
  isTransient,
  type Pool,
  readCancelReason,
  saveDrafts,
  saveToolCalls,
  startMessage,
  type TurnEnd,
} from "@boocode/store";
import type { TurnWrites } from "./play-turn.ts";
import type { ReplyFacts } from "./turn/reply-so-far.ts";

/** A turn's writes that outlast a database which is away for a moment. */
export interface TurnStore {
  writes(fence: Fence, mayWrite: () => boolean): TurnWrites;
  endTurn(
    fence: Fence,
    end: TurnEnd,
    reply: ReplyFacts | null,
    lastSeq: number,
    mayWrite: () => boolean,
  ): Promise<EndedTurn | "cancelling" | "lost">;
  cancelReason(fence: Fence): Promise<CancelReason | null>;
  /** Saves the text so far and gives the turn back. @returns false when it is no longer this worker's */
  handBack(fence: Fence, reply: ReplyFacts | null, lastSeq: number): Promise<boolean>;
}

const DEADLINE_MS = 3_000;
const RETRY_MS = 100;

/** Each write is idempotent under its fence, so that one whose answer was lost is simply made again. */
export function createTurnStore(pool: Pool, fault: FaultPoint): TurnStore {
  async function persist<T>(what: string, write: () => Promise<T>, mayWrite: () => boolean, lost: T): Promise<T> {
    for (;;) {
      if (!mayWrite()) return lost;
      try {
        const written = await within(DEADLINE_MS, what, write());
        await fault(`after-${what}`);
        return written;
      } catch (error) {
        if (!isTransient(error)) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
      }
    }
  }

  return {
    writes: (fence, mayWrite) => ({
      startMessage: (message) =>
        persist("start-message", () => startMessage(pool, fence, { ...message, model: null }), mayWrite, false),
      saveToolCalls: (reply, lastSeq) =>
        persist("save-tool-calls", () => saveToolCalls(pool, fence, reply, lastSeq), mayWrite, false),
      commitStep: (reply, step, tools, lastSeq) =>
        persist("commit-step", () => commitStep(pool, fence, reply, step, tools, lastSeq), mayWrite, false),
    }),
    endTurn: (fence, end, reply, lastSeq, mayWrite) =>
      persist<EndedTurn | "cancelling" | "lost">(
        "end-turn",
        () => endTurn(pool, fence, end, reply, lastSeq),
        mayWrite,
        "lost",
      ),
    cancelReason: (fence) => readCancelReason(pool, fence),
    async handBack(fence, reply, lastSeq) {
      if (reply) await saveDrafts(pool, [{ ...fence, ...reply, lastSeq }]);
      return await handBackTurn(pool, fence);
    },
  };
}
