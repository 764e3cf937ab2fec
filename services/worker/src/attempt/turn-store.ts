import type { CancelReason, MessageContext, ReplyRecord, UsageEntry } from "@boocode/contracts";
import { type Failpoint, withDeadline } from "@boocode/runtime";
import {
  commitStep,
  type DayState,
  type EndingTurn,
  type endTurn,
  isTransient,
  type Pool,
  readCancelReason,
  releaseTurn,
  requeueCutTurn,
  type Step,
  type StreamingMessage,
  saveContext,
  saveDrafts,
  saveToolCalls,
  startMessage,
} from "@boocode/store";
import { gatherEnds } from "./gather-ends.ts";
import { type Lease, TurnStopped } from "./leases.ts";

/**
 * The reads and writes of one attempt. Each is retried while the database is away, for as long as the lease certainly holds.
 * A write that returns false wrote nothing: its fence is lost, or the turn is being cancelled.
 */
export interface TurnStore {
  /** @throws TurnStopped when the lease ends before the read succeeds */
  read<T>(what: string, read: () => Promise<T>): Promise<T>;
  startMessage(message: StreamingMessage): Promise<boolean>;
  saveContext(sent: Parameters<typeof saveContext>[2]): Promise<boolean>;
  saveToolCalls(calls: Parameters<typeof saveToolCalls>[2]): Promise<boolean>;
  /** @returns what the user has used and may use today; null when nothing was written */
  commitStep(step: Step): Promise<DayState | null>;
  endTurn(ending: EndingTurn): ReturnType<typeof endTurn>;
  /** @returns null when the turn is not being cancelled or is no longer this worker's. Not retried. */
  readCancelReason(): Promise<CancelReason | null>;
  /** Saves the text so far and puts the turn back into the queue. */
  release(draft: ReplyDraft, usage: UsageEntry[]): Promise<boolean>;
  /** Like `release`, but the turn is due after `waitMs`, and the cut is counted. @returns false also after too many cuts */
  requeueCut(draft: ReplyDraft, next: Parameters<typeof requeueCutTurn>[2]): Promise<boolean>;
  /**
   * Releases a turn whose lease expired because the database was away, unless another worker has taken it. Waits until the
   * database is back. Only the fence decides here: the lease is over.
   */
  releaseExpired(usage: UsageEntry[]): Promise<boolean>;
}

/** A reply as far as it was written; null when no message is open. */
export interface ReplyDraft {
  reply: ReplyRecord | null;
  context: MessageContext | null;
  lastSeq: number;
}

const DEADLINE_MS = 3_000;
const RETRY_MS = 100;

/** Each write is idempotent under its fence, so a write whose answer was lost can be repeated. */
export function createTurnStore(pool: Pool, failpoint: Failpoint): (lease: Lease) => TurnStore {
  const end = gatherEnds(pool);
  return ({ fence, mayWrite }) => {
    async function persist<T>(what: string, write: () => Promise<T>, lost: T): Promise<T> {
      while (mayWrite()) {
        try {
          const written = await withDeadline(DEADLINE_MS, what, write());
          await failpoint(`after-${what}`);
          return written;
        } catch (error) {
          if (!isTransient(error)) throw error;
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
        }
      }
      return lost;
    }

    async function saveReply({ reply, context, lastSeq }: ReplyDraft): Promise<void> {
      if (reply) await saveDrafts(pool, [{ ...fence, ...reply, context, lastSeq }]);
    }

    return {
      async read(what, read) {
        const result = await persist<{ value: Awaited<ReturnType<typeof read>> } | null>(
          what,
          async () => ({ value: await read() }),
          null,
        );
        if (!result) throw new TurnStopped({ kind: "lost" });
        return result.value;
      },
      startMessage: (message) => persist("start-message", () => startMessage(pool, fence, message), false),
      saveContext: (sent) => persist("save-context", () => saveContext(pool, fence, sent), false),
      saveToolCalls: (calls) => persist("save-tool-calls", () => saveToolCalls(pool, fence, calls), false),
      commitStep: (step) => persist("commit-step", () => commitStep(pool, fence, step), null),
      endTurn: (ending) => persist<Awaited<ReturnType<typeof endTurn>>>("end-turn", () => end(fence, ending), "lost"),
      readCancelReason: () => readCancelReason(pool, fence),
      // Without a release, the turn waits until its lease expires, which costs it an attempt.
      release(draft, usage) {
        const release = async () => {
          await saveReply(draft);
          return await releaseTurn(pool, fence, usage);
        };
        return persist("release", release, false);
      },
      requeueCut(draft, next) {
        const requeue = async () => {
          await saveReply(draft);
          return await requeueCutTurn(pool, fence, next);
        };
        return persist("requeue-cut", requeue, false);
      },
      async releaseExpired(usage) {
        for (;;) {
          try {
            return await withDeadline(DEADLINE_MS, "releasing an expired turn", releaseTurn(pool, fence, usage));
          } catch (error) {
            if (!isTransient(error)) throw error;
            await new Promise((resolve) => setTimeout(resolve, RETRY_MS * (1 + Math.random())));
          }
        }
      },
    };
  };
}
