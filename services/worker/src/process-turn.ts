import type { Announce } from "@boocode/announce";
import type { CancelReason, ReplyRecord, TurnEnd, TurnError } from "@boocode/contracts";
import type { FrameAppender } from "@boocode/frame-log";
import type { Logger } from "@boocode/runtime";
import { type ClaimedTurn, type Fence, isTransient } from "@boocode/store";
import { type Lease, type Leases, TurnStopped } from "./hold-leases.ts";
import type { DraftSaver } from "./outputs/draft-saver.ts";
import { endFrames } from "./outputs/end-frames.ts";
import { createFrameWriter, type FrameWriter } from "./outputs/frame-writer.ts";
import { playTurn, type Stage } from "./play-turn.ts";
import { type PersistentRead, type PreparedTurn, ProjectUnavailable } from "./prepare-turn.ts";
import { type OpenMessage, partialReply } from "./turn/reply-so-far.ts";
import { runTurn } from "./turn/run-turn.ts";
import type { TurnStore } from "./turn-store.ts";

export interface ProcessTurnDeps {
  leases: Leases;
  drafts: DraftSaver;
  appender: FrameAppender;
  store: TurnStore;
  /** @returns null when the session is gone */
  prepare(turn: ClaimedTurn, read: PersistentRead): Promise<PreparedTurn | null>;
  announce: Announce;
  wake(turnId: string): void;
  appendIntervalMs(): number;
  turnTimeoutMs: number;
  /** A turn is begun so many times before a cut answer ends it. */
  maxAttempts: number;
  log: Logger;
}

/** The first pause before another attempt; it doubles with each that was spent. */
const AGAIN_MS = 500;

/** Runs a claimed turn to its end, whatever that is; never throws. @param claimedAt when the claim was asked for */
export async function processTurn(deps: ProcessTurnDeps, turn: ClaimedTurn, claimedAt: number): Promise<void> {
  const fence: Fence = { turnId: turn.id, attempt: turn.attempt };
  const lease = deps.leases.hold(fence, claimedAt);
  const open: Stage["open"] = { message: null };
  const frames = openFrames(deps, turn, lease, open);
  const log = deps.log.child({ turn_id: turn.id, session_id: turn.session_id, attempt: turn.attempt });
  let prepared: PreparedTurn | null = null;

  async function end(how: TurnEnd, reply: ReplyRecord | null): Promise<void> {
    deps.drafts.drop(turn.id);
    const bodies = endFrames(how, reply);
    lease.ending();
    const ended = await deps.store.endTurn(fence, how, reply, frames.lastSeq() + bodies.length, lease.mayWrite);
    if (ended === "lost") return;
    if (ended === "cancelling") {
      const reason = (await deps.store.cancelReason(fence)) ?? "user";
      return await end({ status: "cancelled", reason }, open.message && partialReply(open.message));
    }
    frames.emit(...bodies);
    deps.announce(ended.changes);
    log.info({ status: how.status, error: how.status === "failed" ? how.error : undefined }, "turn ended");
    await frames.drained(2_000);
  }

  try {
    frames.emit({ type: "turn_started", ordinal: turn.ordinal });
    const signal = AbortSignal.any([lease.signal, AbortSignal.timeout(deps.turnTimeoutMs)]);
    prepared = await deps.prepare(turn, (what, read) => deps.store.read(what, read, lease.mayWrite));
    if (!prepared) return await end({ status: "cancelled", reason: "session_deleted" }, null);
    const outcome = await playTurn(runTurn(prepared.deps, prepared.input, signal), {
      writes: deps.store.writes(fence, lease.mayWrite),
      frames,
      lease,
      ordinal: turn.ordinal,
      position: prepared.position,
      model: prepared.input.model,
      reuseMessageId: turn.streaming_message_id,
      open,
      dropDraft: () => deps.drafts.drop(turn.id),
      cancelReason: () => deps.store.cancelReason(fence),
      warn: (facts, message) => log.warn(facts, message),
    });
    if (outcome.end.status === "broken_off") await again(outcome.end.error, outcome.reply);
    else await end(outcome.end, outcome.reply);
  } catch (error) {
    frames.flush();
    await stopped(error, open.message);
  } finally {
    frames.abandon();
    deps.drafts.drop(turn.id);
    await prepared?.close().catch((err: unknown) => log.warn({ err }, "closing the project's folder failed"));
    lease.drop();
  }

  async function stopped(error: unknown, message: OpenMessage | null): Promise<void> {
    const reply = message && partialReply(message);
    try {
      if (error instanceof ProjectUnavailable) {
        return await end({ status: "failed", error: { code: "project_unavailable", message: error.message } }, reply);
      }
      const why = error instanceof TurnStopped ? error.why : null;
      if (why?.kind === "cancelled")
        await end({ status: "cancelled", reason: why.reason satisfies CancelReason }, reply);
      else if (why?.kind === "released") await release(reply);
      else if (why?.kind === "lost") log.warn("the turn is no longer ours");
      // The database was away for longer than a write waits: nobody's defect, and not this turn's fault.
      else if (isTransient(error)) await release(reply);
      else if (error instanceof DOMException && error.name === "TimeoutError") {
        const message = `the turn took longer than ${Math.round(deps.turnTimeoutMs / 1_000)} s`;
        await end({ status: "failed", error: { code: "turn_timeout", message } }, reply);
      } else {
        log.error({ err: error }, "the turn failed on a defect or a lost database");
        await end({ status: "failed", error: { code: "internal", message: "internal error" } }, reply);
      }
    } catch (err) {
      // The lease ends by itself, and another worker takes the turn up after its last committed step.
      log.error({ err }, "the end of the turn could not be written");
    }
  }

  /** Words of an answer that was cut were seen: only another attempt, which replaces them, may answer again. */
  async function again(error: TurnError, reply: ReplyRecord | null): Promise<void> {
    if (turn.crashes + 1 >= deps.maxAttempts) return await end({ status: "failed", error }, reply);
    const waitMs = AGAIN_MS * 2 ** turn.crashes * (0.75 + Math.random() / 2);
    deps.drafts.drop(turn.id);
    // Told before it is done: afterwards the next attempt may have begun, and frames are its own.
    frames.emit({ type: "turn_waiting", reason: "cut", retry_in_ms: Math.round(waitMs) });
    const spent = { maxAttempts: deps.maxAttempts, waitMs, mayWrite: lease.mayWrite };
    const isQueued = await deps.store.spendAttempt(fence, reply, frames.lastSeq(), spent);
    // Somebody cancels it, then it ends so; or it is no longer ours, then this changes nothing.
    if (!isQueued) return await end({ status: "failed", error }, reply);
    log.warn({ error }, "the answer was cut; the turn is tried again");
    setTimeout(() => deps.wake(turn.id), waitMs).unref();
    await frames.drained(1_000);
  }

  async function release(reply: ReplyRecord | null): Promise<void> {
    if (!(await deps.store.release(fence, reply, frames.lastSeq(), lease.mayWrite))) {
      if (!lease.mayWrite()) return;
      const reason = await deps.store.cancelReason(fence);
      return reason ? await end({ status: "cancelled", reason }, reply) : undefined;
    }
    deps.wake(turn.id);
    await frames.drained(1_000);
  }
}

function openFrames(deps: ProcessTurnDeps, turn: ClaimedTurn, lease: Lease, open: Stage["open"]): FrameWriter {
  const epoch = { ordinal: turn.ordinal, attempt: turn.attempt, nonce: turn.nonce };
  return createFrameWriter(
    { sessionId: turn.session_id, turnId: turn.id, epoch },
    {
      appender: deps.appender,
      appendIntervalMs: deps.appendIntervalMs,
      mayWrite: lease.mayWrite,
      // The text up to a frame's number is what a draft holds under that number: never more, never less.
      onDelta(kind, text, seq) {
        const message = open.message;
        if (!message) return;
        if (kind === "delta") message.content += text;
        else message.reasoning += text;
        deps.drafts.put({
          turnId: turn.id,
          attempt: turn.attempt,
          messageId: message.id,
          content: message.content,
          reasoning: message.reasoning || null,
          lastSeq: seq,
        });
      },
    },
  );
}
