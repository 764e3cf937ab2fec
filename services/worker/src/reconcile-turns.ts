import type { Announce } from "@boocode/announce";
import type { FrameAppender } from "@boocode/frame-log";
import { every, type Failpoint, type Logger } from "@boocode/runtime";
import {
  type EndedOrphan,
  endOrphan,
  forgetOldIdempotencyKeys,
  type Pool,
  readNextDue,
  requeueOrphans,
} from "@boocode/store";
import { endFrames } from "./outputs/end-frames.ts";
import { toFrame } from "./outputs/to-frame.ts";
import { newNonce, type TurnRunner } from "./run-turns.ts";

export interface ReconcileDeps {
  pool: Pool;
  runner: TurnRunner;
  appender: FrameAppender;
  announce: Announce;
  maxCrashes: number;
  failpoint: Failpoint;
  log: Logger;
}

/** It looks so often at least, and right when the next lease ends or the next turn is due, if that is earlier. */
const EVERY_MS = 1_000;
/**
 * At most so many turns are taken in one look, so that those of a dead worker spread over all who are left: what is taken
 * together may be killed together again.
 */
const TAKE_AT_ONCE = 4;
const TAKE_AGAIN_MS = 20;
/** A worker that was asked to cancel a turn and has not ended it after so long is not waited for. */
const CANCEL_PATIENCE_MS = 5_000;
const CLEAN_EVERY_MS = 10 * 60_000;

/**
 * In every worker, every second or sooner: what a dead worker, a lost wake-up or a Redis that is away left undone is found in
 * Postgres and done. Any number of workers may do this at once; each row is taken by one.
 */
export function reconcileTurns(deps: ReconcileDeps): () => Promise<void> {
  let cleanedAt = 0;
  let pauseMs = EVERY_MS;
  return every(
    // At random, so that not all workers look at once.
    () => pauseMs * (0.8 + Math.random() * 0.2) + Math.random() * 50,
    async () => {
      pauseMs = EVERY_MS;
      const requeued = await requeueOrphans(deps.pool, deps.maxCrashes);
      if (requeued.length > 0) {
        deps.log.warn({ turns: requeued }, "turns of a dead worker go back to the queue");
        await deps.failpoint("after-requeue-orphans");
      }
      for (;;) {
        const orphan = await endOrphan(deps.pool, newNonce(), deps.maxCrashes, CANCEL_PATIENCE_MS);
        if (!orphan) break;
        await deps.failpoint("after-end-orphan");
        await announceEnd(deps, orphan);
      }
      // The queue had its chance with every turn that is due; what is left is taken from here, Redis or not.
      const taken = await deps.runner.takeDue(TAKE_AT_ONCE);
      if (Date.now() - cleanedAt > CLEAN_EVERY_MS) {
        cleanedAt = Date.now();
        while ((await forgetOldIdempotencyKeys(deps.pool)) > 0);
      }
      pauseMs = taken < TAKE_AT_ONCE ? Math.min(EVERY_MS, (await readNextDue(deps.pool)) ?? EVERY_MS) : TAKE_AGAIN_MS;
    },
    (err) => deps.log.warn({ err }, "reconciling failed and is tried again"),
  );
}

async function announceEnd(deps: ReconcileDeps, orphan: EndedOrphan): Promise<void> {
  deps.log.warn({ turn_id: orphan.turnId, end: orphan.end }, "a turn was ended for its worker");
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
