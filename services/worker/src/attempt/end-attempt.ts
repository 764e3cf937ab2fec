import type { Announce } from "@boocode/announce";
import type { ReplyRecord, TurnEnd, TurnError } from "@boocode/contracts";
import { endFrames } from "../outputs/end-frames.ts";
import { startFrames } from "../outputs/start-frames.ts";
import { openMessage, partialReply } from "../turn/open-message.ts";
import type { Attempt, Outcome } from "./attempt.ts";

export interface EndAttemptDeps {
  announce: Announce;
  wake(turnId: string): void;
  /** The time limit for all pauses before further attempts at one step, as for the retries of a request. */
  retryBudgetMs: number;
}

/** The pause before another attempt at a step whose reply was cut; it doubles with each cut. */
const RETRY_MS = 500;
/** A model server that restarts cuts a reply once. One that cuts this many has a lasting fault. */
const MAX_CUTS = 6;

/**
 * Commits the outcome of an attempt, and then emits and announces it.
 * @returns whether another turn may wait for the attempt's slot
 */
export async function endAttempt(deps: EndAttemptDeps, attempt: Attempt, outcome: Outcome): Promise<boolean> {
  attempt.frames.flush();
  switch (outcome.kind) {
    case "answered":
      return await end(deps, attempt, { status: "complete" }, outcome.reply);
    case "failed":
      announceBegun(attempt);
      return await end(deps, attempt, { status: "failed", error: outcome.error }, replySoFar(attempt));
    case "cancelled":
      announceBegun(attempt);
      return await end(deps, attempt, { status: "cancelled", reason: outcome.reason }, replySoFar(attempt));
    case "broken_off":
      return await retry(deps, attempt, outcome.error);
    case "released":
      return await release(deps, attempt);
    case "lost":
      attempt.log.warn("another worker may hold the turn now, so this attempt stopped writing");
      return true;
    default:
      outcome satisfies never;
      return true;
  }
}

/** Tells of the message that the claim has begun, when the turn ends before its first model call. */
function announceBegun(attempt: Attempt): void {
  const { turn, frames } = attempt;
  const { begun, streaming_message_id: id } = turn;
  if (attempt.message || !begun || !id) return;
  attempt.message = openMessage(id, null);
  frames.emit(...startFrames(turn.ordinal, { id, position: 1, model: begun.model, context: null }));
}

async function end(deps: EndAttemptDeps, attempt: Attempt, how: TurnEnd, reply: ReplyRecord | null): Promise<boolean> {
  const { frames, lease, store, log, usage } = attempt;
  attempt.dropDraft();
  lease.ending();
  const bodies = endFrames(how, reply);
  const lastSeq = frames.lastSeq() + bodies.length;
  const used = how.status === "complete" ? usage.sumWithReply() : usage.sum();
  const { message, toolsIgnored } = attempt;
  const ended = await store.endTurn({
    end: how,
    reply,
    context: message?.context ?? null,
    lastSeq,
    usage: used,
    toolsIgnored,
  });
  if (ended === "lost") return true;
  if (ended === "cancelling") {
    const reason = (await store.readCancelReason()) ?? "user";
    return await end(deps, attempt, { status: "cancelled", reason }, replySoFar(attempt));
  }
  frames.emit(...bodies);
  deps.announce(ended.changes);
  // Without the error's message, which may quote the question. It is stored with the turn.
  log.info({ status: how.status, error_code: how.status === "failed" ? how.error.code : undefined }, "turn ended");
  await frames.drained(2_000);
  return ended.changes.some(({ kind }) => kind === "turn_due");
}

async function retry(deps: EndAttemptDeps, attempt: Attempt, error: TurnError): Promise<boolean> {
  const { turn, frames, store, log, usage } = attempt;
  const reply = replySoFar(attempt);
  const fail = () => end(deps, attempt, { status: "failed", error }, reply);
  const waitedMs = RETRY_MS * (2 ** turn.cuts - 1);
  const waitMs = RETRY_MS * 2 ** turn.cuts * (0.75 + Math.random() / 2);
  if (turn.cuts >= MAX_CUTS || waitedMs + waitMs > deps.retryBudgetMs) return await fail();
  attempt.dropDraft();
  // Emitted before the commit, because after it the next attempt may begin, and this attempt's frames would be stale.
  const reason = error.code === "model_cut" ? "cut" : "failed";
  frames.emit({ type: "turn_waiting", reason, retry_in_ms: Math.round(waitMs) });
  const next = { maxCuts: MAX_CUTS, waitMs, usage: usage.sum() };
  const isQueued = await store.requeueCut(draftOf(attempt, reply), next);
  // Either the turn is being cancelled, and `end` ends it as cancelled; or another worker holds it, and `end` changes
  // nothing.
  if (!isQueued) return await fail();
  log.warn({ error_code: error.code }, "the answer was cut; the turn is tried again");
  setTimeout(() => deps.wake(turn.id), waitMs).unref();
  await frames.drained(1_000);
  return true;
}

async function release(deps: EndAttemptDeps, attempt: Attempt): Promise<boolean> {
  const { turn, frames, lease, store, usage } = attempt;
  const reply = replySoFar(attempt);
  if (!(await store.release(draftOf(attempt, reply), usage.sum()))) {
    if (!lease.mayWrite()) return true;
    const reason = await store.readCancelReason();
    return reason ? await end(deps, attempt, { status: "cancelled", reason }, reply) : true;
  }
  deps.wake(turn.id);
  await frames.drained(1_000);
  return true;
}

/**
 * Releases the turn of an attempt whose lease expired while the database was away: the reconcilers would otherwise take it for
 * the turn of a dead worker.
 */
export async function releaseExpired(deps: EndAttemptDeps, { turn, store, log, usage }: Attempt): Promise<void> {
  if (!(await store.releaseExpired(usage.sum()))) return;
  log.warn("the turn was released, because the database was away for longer than its lease");
  deps.wake(turn.id);
}

const draftOf = ({ message, frames }: Attempt, reply: ReplyRecord | null) => ({
  ...{ reply, context: message?.context ?? null, lastSeq: frames.lastSeq() },
});

const replySoFar = ({ message }: Attempt) => message && partialReply(message);
