import { z } from "zod";
import { TurnError } from "./errors.ts";
import { Id, Timestamp } from "./primitives.ts";

/**
 *             claim                     end
 *   queued ────────────► running ───────────────► complete, failed
 *    │  ▲                  │  │
 *    │  └─ release, retry ─┘  │ cancel
 *    │                        ▼           end
 *    ├─ cancel, if a ──► cancelling ────────────► cancelled
 *    │  worker had it
 *    └─ cancel, if no worker had claimed it ────► cancelled (the turn is withdrawn)
 *
 * A cancelling turn can end only as cancelled (T1, T12). A running turn whose lease has expired is an orphan: another worker
 * claims it for another attempt, or it fails.
 */
export const TurnStatus = z.enum(["queued", "running", "cancelling", "complete", "failed", "cancelled"]);
export type TurnStatus = z.infer<typeof TurnStatus>;

export function isTerminal(status: TurnStatus): boolean {
  return status === "complete" || status === "failed" || status === "cancelled";
}

/** Why a turn was cancelled; `access_revoked`: its user, its token or its project's folder may no longer be used. */
export const CancelReason = z.enum(["user", "interrupted", "messages_deleted", "session_deleted", "access_revoked"]);
export type CancelReason = z.infer<typeof CancelReason>;

export const Turn = z
  .object({
    id: Id,
    session_id: Id,
    ordinal: z.int().positive(),
    status: TurnStatus,
    attempt: z.int().nonnegative(),
    cancel_reason: CancelReason.nullable(),
    error: TurnError.nullable(),
    created_at: Timestamp,
    started_at: Timestamp.nullable(),
    finished_at: Timestamp.nullable(),
  })
  .meta({ id: "Turn" });
export type Turn = z.infer<typeof Turn>;

/** What a queued turn waits for. */
export const TurnWait = z
  .object({
    reason: z
      .enum(["worker", "session"])
      .describe("`worker`: a worker's slot; `session`: the session's turns before it"),
    ahead: z.int().nonnegative().describe("How many turns go first"),
  })
  .meta({ id: "TurnWait" });
export type TurnWait = z.infer<typeof TurnWait>;

/** What a turn that a worker holds, or that pauses before another attempt, waits for; `turn_waiting` describes each. */
export const HeldWaitReason = z.enum(["slot", "loading", "busy", "unreachable", "failed", "cut", "tools"]);

/** What a live turn waits for. */
export const LiveWait = z
  .object({
    reason: z
      .enum([...TurnWait.shape.reason.options, ...HeldWaitReason.options])
      .describe(
        "Of a queued turn `worker`: a worker's slot, or `session`: the session's turns before it; of one that a worker holds as in the frame `turn_waiting`, `loading` also for `model_loading`",
      ),
    ahead: z.int().nonnegative().nullable().describe("How many go first; null: not known"),
  })
  .meta({ id: "LiveWait" });
export type LiveWait = z.infer<typeof LiveWait>;

const waiting = LiveWait.nullable().describe("null when it does not wait, or when that is not known");

/** A turn with what it waits for. */
export const TurnState = Turn.extend({ waiting }).meta({ id: "TurnState" });
export type TurnState = z.infer<typeof TurnState>;

/** A turn that waits or runs. `place` is its position in the session's queue, from 1; null for the running turn. */
export const LiveTurn = TurnState.extend({ message_id: Id.nullable(), place: z.int().positive().nullable() }).meta({
  id: "LiveTurn",
});
export type LiveTurn = z.infer<typeof LiveTurn>;
/** How many of a session's live turns an answer lists, the next ones first. */
export const MAX_LIVE_TURNS = 2_000;

export const LiveTurnList = z
  .object({
    turns: z.array(LiveTurn),
    has_more: z.boolean().describe(`Whether more than ${MAX_LIVE_TURNS} turns are live; the last ones are left out.`),
  })
  .meta({ id: "LiveTurnList" });
export type LiveTurnList = z.infer<typeof LiveTurnList>;

/** The cancelled turn; if none was named and none is live, the last turn that a worker claimed; null if there is none. */
export const CancelAnswer = z
  .object({ turn_id: Id.nullable(), status: TurnStatus.nullable() })
  .meta({ id: "CancelAnswer" });
export type CancelAnswer = z.infer<typeof CancelAnswer>;

/** A queue job only names a turn: Postgres decides whether there is anything to do. */
export const TurnJob = z.object({ turn_id: Id });
export type TurnJob = z.infer<typeof TurnJob>;

/** Asks a worker to name a session, once its first answer is complete. */
export const NameSessionJob = z.object({ session_id: Id });
export type NameSessionJob = z.infer<typeof NameSessionJob>;

export const TURN_QUEUE = "turns";
export const NAMING_QUEUE = "session-names";
