import { z } from "zod";
import { TurnError } from "./errors.ts";
import { Id, Timestamp } from "./primitives.ts";

export const TurnStatus = z.enum(["queued", "running", "cancelling", "complete", "failed", "cancelled"]);
export type TurnStatus = z.infer<typeof TurnStatus>;

export function isTerminal(status: TurnStatus): boolean {
  return status === "complete" || status === "failed" || status === "cancelled";
}

/** Who or what ended a turn early. */
export const CancelReason = z.enum(["user", "interrupted", "messages_deleted", "session_deleted"]);
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

/** A turn that waits or runs. `place` is its position in the session's queue, from 1; null for the running turn. */
export const LiveTurn = Turn.extend({ message_id: Id.nullable(), place: z.int().positive().nullable() }).meta({
  id: "LiveTurn",
});
export const LiveTurnList = z.object({ turns: z.array(LiveTurn) }).meta({ id: "LiveTurnList" });
export type LiveTurnList = z.infer<typeof LiveTurnList>;

/** What became of the turn that was to be cancelled; of the last one, when none was named or live; null when there never was one. */
export const CancelAnswer = z
  .object({ turn_id: Id.nullable(), status: TurnStatus.nullable() })
  .meta({ id: "CancelAnswer" });
export type CancelAnswer = z.infer<typeof CancelAnswer>;

/** What a queue job says: only where to look. Postgres decides whether there is anything to do. */
export const TurnJob = z.object({ turn_id: Id });
export type TurnJob = z.infer<typeof TurnJob>;

/** A session to be named after its first answer. */
export const NameSessionJob = z.object({ session_id: Id });
export type NameSessionJob = z.infer<typeof NameSessionJob>;

export const TURN_QUEUE = "turns";
export const NAMING_QUEUE = "session-names";
