import type { Announce } from "@boocode/announce";
import type { FrameAppender } from "@boocode/frame-log";
import { every, type Failpoint, type Logger } from "@boocode/runtime";
import { type EndedOrphan, endOrphan, type Pool, readOpenWork, requeueOrphans } from "@boocode/store";
import { createOrphanJudge } from "./judge-orphans.ts";
import { endFrames } from "./outputs/end-frames.ts";
import { toFrame } from "./outputs/to-frame.ts";
import { newNonce, type TurnRunner } from "./turn-runner.ts";

export interface ReconcileDeps {
  pool: Pool;
  runner: TurnRunner;
  /** Told with each look whether projects were deleted whose sessions are left. */
  noteProjectsToEmpty(areThere: boolean): void;
  /** Told with each look whether texts wait for `indexTexts`. */
  noteTextsToIndex(areThere: boolean): void;
  appender: FrameAppender;
  announce: Announce;
  maxCrashes: number;
  leaseMs: number;
  failpoint: Failpoint;
  onError(error: unknown): void;
  log: Logger;
}

/** The longest pause. It is shorter when a lease expires or a turn becomes due earlier, and where leases are short. */
const EVERY_MS = 1_000;
/**
 * The most turns claimed in one run, so that a dead worker's turns spread over the remaining workers: turns that are claimed
 * together may be killed together again.
 */
const CLAIM_AT_ONCE = 4;
const CLAIM_AGAIN_MS = 20;
/** A cancelling turn that its worker has not ended after this time is ended here. */
const CANCEL_TIMEOUT_MS = 5_000;

/**
 * Finds in Postgres, every second or sooner, the work that a dead worker, a lost wake-up or a Redis outage left undone, and
 * does it. Every worker runs a reconciler at the same time; each row is taken by one of them.
 */
export function reconcileTurns(deps: ReconcileDeps): () => Promise<void> {
  const everyMs = Math.min(EVERY_MS, deps.leaseMs / 5);
  let pauseMs = everyMs;
  const judge = createOrphanJudge(deps.leaseMs, () => performance.now());
  return every(
    // Jitter, so that the workers do not all query at once.
    () => pauseMs * (0.8 + Math.random() * 0.2) + Math.random() * 50,
    async () => {
      pauseMs = everyMs;
      const { now, dueInMs, hasOrphans, hasDue, hasWaiting, ...work } = await readOpenWork(
        deps.pool,
        CANCEL_TIMEOUT_MS,
      );
      judge.looked(now);
      deps.runner.noteWaiting(hasWaiting);
      deps.noteProjectsToEmpty(work.hasProjectsToEmpty);
      deps.noteTextsToIndex(work.hasTextsToIndex);
      const isRequeued = hasOrphans && (await takeOrphans(deps, judge.judgeUntil()));
      // The queue has a head start before a turn is due. A due turn is claimed here, with or without Redis.
      const claimed = hasDue || isRequeued ? await deps.runner.runDue(CLAIM_AT_ONCE) : 0;
      pauseMs = claimed < CLAIM_AT_ONCE ? Math.min(everyMs, dueInMs ?? everyMs) : CLAIM_AGAIN_MS;
    },
    (err) => {
      judge.failed();
      deps.onError(err);
    },
  );
}

/** Requeues or ends the turns that no worker holds any more. @returns whether any are queued again */
async function takeOrphans(deps: ReconcileDeps, judgeUntil: number | null): Promise<boolean> {
  const rule = { maxCrashes: deps.maxCrashes, judgeUntil };
  const requeued = await requeueOrphans(deps.pool, rule);
  if (requeued.length > 0) {
    deps.log.warn({ turns: requeued }, "the turns of a dead worker were requeued");
    await deps.failpoint("after-requeue-orphans");
  }
  for (;;) {
    const orphan = await endOrphan(deps.pool, newNonce(), rule, CANCEL_TIMEOUT_MS);
    if (!orphan) return requeued.length > 0;
    await deps.failpoint("after-end-orphan");
    await announceEnd(deps, orphan);
  }
}

async function announceEnd(deps: ReconcileDeps, orphan: EndedOrphan): Promise<void> {
  deps.log.warn({ turn_id: orphan.turnId, end: orphan.end }, "an orphaned turn was ended");
  const source = { sessionId: orphan.sessionId, turnId: orphan.turnId, epoch: orphan.epoch };
  const message = orphan.messageId === null ? null : { messageId: orphan.messageId };
  const frames = endFrames(orphan.end, message).map((body, index) => ({
    seq: index + 1,
    frame: toFrame(source, index + 1, body),
  }));
  await deps.appender.append(orphan.sessionId, orphan.epoch, frames).catch((err: unknown) => {
    deps.log.warn({ err }, "appending the last frames of an orphan failed; subscribers get its end from Postgres");
  });
  deps.announce(orphan.changes);
}
