import { setMaxListeners } from "node:events";
import type { TurnErrorCode } from "@boocode/contracts";
import { ProjectUnavailable } from "@boocode/project-tools";
import type { Lanes } from "@boocode/runtime";
import { linkAbort } from "@boocode/runtime";
import { type ClaimedTurn, isTransient } from "@boocode/store";
import { ModelNotAllowed } from "../model/model-servers.ts";
import type { StreamReply } from "../turn/ports.ts";
import { runTurn, type TurnDeps } from "../turn/run-turn.ts";
import { type Attempt, type AttemptDeps, beginAttempt, type Outcome } from "./attempt.ts";
import { type EndAttemptDeps, endAttempt, releaseExpired } from "./end-attempt.ts";
import { TurnStopped } from "./leases.ts";
import { playTurn } from "./play-turn.ts";
import type { PreparedTurn } from "./prepare-turn.ts";
import type { TurnStore } from "./turn-store.ts";

/*
 * The life of an attempt. On the right is the status of the turn's row, which is changed only under the attempt's fence.
 *
 *   claimed ──> prepared ──> played ──┬─ answered, failed, cancelled ─> complete, failed, cancelled
 *      │            │           │     ├─ broken off ─> queued, one attempt spent
 *      └────────────┴─ stopped ─┴─────┼─ released ───> queued, no attempt spent
 *                                     └─ lost ───────> unknown: the lease may be another worker's, so nothing is written
 */

export interface ProcessTurnDeps extends AttemptDeps, EndAttemptDeps {
  /** @returns null when the session was deleted */
  prepare(turn: ClaimedTurn, read: TurnStore["read"]): Promise<PreparedTurn | null>;
  /** In which the turns of each user are prepared. */
  starts: Lanes;
  turnTimeoutMs: number;
}

/**
 * Runs a claimed turn until the attempt ends; never throws.
 * @param claimedAt when the claim was sent, by `performance.now()`
 * @returns whether another turn may wait for the slot
 */
export async function processTurn(deps: ProcessTurnDeps, turn: ClaimedTurn, claimedAt: number): Promise<boolean> {
  const attempt = beginAttempt(deps, turn, claimedAt);
  const { frames, lease, log, store } = attempt;
  const stop = linkAbort(lease.signal);
  const { signal } = stop;
  // Each of a step's tool calls listens to it; Node warns from the eleventh listener on.
  setMaxListeners(0, signal);
  const late = setTimeout(
    () => stop.abort(new DOMException("the turn took too long", "TimeoutError")),
    deps.turnTimeoutMs,
  );
  let prepared: PreparedTurn | null = null;
  try {
    frames.emit({ type: "turn_started", ordinal: turn.ordinal });
    prepared = await deps.starts.run(turn.owner_id, () => deps.prepare(turn, store.read));
    const outcome: Outcome = prepared
      ? await playTurn(runTurn(counted(prepared.deps, attempt), prepared.input, signal), attempt, prepared)
      : { kind: "cancelled", reason: "session_deleted" };
    if (prepared && outcome.kind === "answered") {
      frames.flush();
      outcome.reply.citations = await prepared.checkCitations(outcome.reply.content);
    }
    return await endAttempt(deps, attempt, outcome);
  } catch (error) {
    // If even this end cannot be written, the lease expires and another worker resumes after the last committed step.
    return await endAttempt(deps, attempt, stoppedBy(error, deps, attempt)).catch((err: unknown) => {
      log.error({ err }, "the end of the turn could not be written");
      return true;
    });
  } finally {
    clearTimeout(late);
    stop.release();
    frames.abandon();
    attempt.dropDraft();
    await prepared?.close().catch((err: unknown) => log.warn({ err }, "closing the project's folder failed"));
    if (lease.wasLostInOutage())
      await releaseExpired(deps, attempt).catch((err: unknown) => log.error({ err }, "releasing the turn failed"));
    lease.drop();
  }
}

/** Names the user in each request, and lets the attempt count what it uses, also one that fails or is aborted. */
function counted(deps: TurnDeps, { usage, turn }: Attempt): TurnDeps {
  const streamReply: StreamReply = (request, signal) =>
    deps.streamReply({ ...request, userId: turn.owner_id, onUsed: (call) => usage.add(request.model, call) }, signal);
  return { ...deps, streamReply };
}

function stoppedBy(error: unknown, { turnTimeoutMs }: ProcessTurnDeps, { log }: Attempt): Outcome {
  const failed = (code: TurnErrorCode, message: string) => ({ kind: "failed" as const, error: { code, message } });
  if (error instanceof TurnStopped) return error.why;
  if (error instanceof ProjectUnavailable) return failed("project_unavailable", error.message);
  if (error instanceof ModelNotAllowed) return failed("model_not_allowed", error.message);
  // The database was away for longer than writes are retried. That is not a failure of the turn.
  if (isTransient(error)) return { kind: "released" };
  if (error instanceof DOMException && error.name === "TimeoutError")
    return failed("turn_timeout", `the turn took longer than ${Math.round(turnTimeoutMs / 1_000)} s`);
  log.error({ err: error }, "the turn failed on an unexpected error");
  return failed("internal", "internal error");
}
