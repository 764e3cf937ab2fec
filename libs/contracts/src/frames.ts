import { z } from "zod";
import { Cursor } from "./cursor.ts";
import { Message } from "./messages.ts";
import { Id } from "./primitives.ts";
import { ToolsIgnored } from "./sessions.ts";
import { TurnFrame } from "./turn-frames.ts";
import { CancelReason, Turn, TurnWait } from "./turns.ts";

/**
 * The size limit of a turn frame, of `message_posted` and of `messages_deleted`, in UTF-8 bytes of JSON. Texts that do not fit
 * are cut and marked `shortened`; REST has them whole. A snapshot has a limit of its own.
 */
export const MAX_FRAME_BYTES = 64 * 1024;

/** The limit, in bytes of JSON, for all tool outputs of one snapshot together: half of the gateway's BEHIND_BYTES. */
export const MAX_SNAPSHOT_OUTPUT_BYTES = 128 * 1024;

/** A change of the session's structure. After a gap in `version`, a client reloads the session. */
const structuralFrame = { session_id: Id, version: z.int().positive() };

export const MessagePosted = z.object({
  type: z.literal("message_posted"),
  ...structuralFrame,
  /** A question that is too large for a frame is cut here and marked `shortened`; REST has it whole. */
  message: Message,
});
export const TurnQueued = z.object({
  type: z.literal("turn_queued"),
  ...structuralFrame,
  turn_id: Id,
  ordinal: z.int().positive(),
  /** Turns that run before this one. */
  ahead: z.int().nonnegative(),
});
/** A turn that was cancelled before any worker claimed it. */
export const TurnWithdrawn = z.object({
  type: z.literal("turn_withdrawn"),
  ...structuralFrame,
  turn_id: Id,
  reason: CancelReason,
});
/**
 * The deleted part of a conversation. It has an end, because a later turn may begin before this frame arrives. Nothing is ever
 * added to it again: a new turn has a higher ordinal, and a regenerated question moves to its new turn.
 */
export const DeletedRange = z.object({
  /** The place of the first deleted message. */
  from: z.object({ turn_ordinal: z.int().positive(), position: z.int().nonnegative() }),
  /** The ordinal of the last turn that existed when the messages were deleted. */
  through_turn: z.int().positive(),
});
export type DeletedRange = z.infer<typeof DeletedRange>;

export const MessagesDeletedFrame = z.object({
  type: z.literal("messages_deleted"),
  ...structuralFrame,
  /** At most `MAX_DELETED_IDS`; further frames list the rest. `range` has all of them. */
  message_ids: z.array(Id),
  /** In the first frame of a deletion. Absent from frames of earlier releases, which always listed the ids. */
  range: DeletedRange.optional(),
});
export const SessionRenamed = z.object({
  type: z.literal("session_renamed"),
  ...structuralFrame,
  name: z.string().nullable(),
  auto_named: z.boolean(),
});
/** Sent once to a session: its model does not see the tools, so that it answers without having read any code. */
export const ToolsIgnoredFrame = z.object({
  type: z.literal("tools_ignored"),
  ...structuralFrame,
  tools_ignored: ToolsIgnored,
});

/** From the gateway: the subscription is live. A client whose `version` differs reloads the session. */
export const Subscribed = z.object({
  type: z.literal("subscribed"),
  session_id: Id,
  version: z.int().nonnegative(),
  cursor: Cursor,
});
/** From the gateway: the turn so far, in place of its frames up to `cursor`. Its messages replace those that the client has. */
export const Snapshot = z.object({
  type: z.literal("snapshot"),
  session_id: Id,
  version: z.int().nonnegative(),
  cursor: Cursor,
  /** null: no frame of a turn was missed; only `version` is new. */
  turn: Turn.nullable(),
  /** The longest texts may be cut: such a message is marked `shortened`, and REST has it whole. */
  messages: z.array(Message),
  /** Set when the turn has too many messages: those at lower positions are left out, and only REST has them. */
  from_position: z.int().positive().optional(),
});
/** How many queued turns `turns_waiting` lists at most, the next ones first. */
export const MAX_WAITING_TURNS = 20;
/**
 * From the gateway: what the session's queued turns wait for. It has no number, because it states nothing that is stored: sent at
 * most once a second, when it has changed. Of the turns that are not listed nothing new is known.
 */
export const TurnsWaiting = z.object({
  type: z.literal("turns_waiting"),
  session_id: Id,
  turns: z.array(TurnWait.extend({ turn_id: Id })),
});
/** From the gateway: it is shutting down; reconnect after this time. */
export const GoingAway = z.object({ type: z.literal("going_away"), retry_after_ms: z.int().nonnegative() });

export const StructuralFrame = z.discriminatedUnion("type", [
  MessagePosted,
  TurnQueued,
  TurnWithdrawn,
  MessagesDeletedFrame,
  SessionRenamed,
  ToolsIgnoredFrame,
]);
export type StructuralFrame = z.infer<typeof StructuralFrame>;

export const SessionFrame = z.discriminatedUnion("type", [
  ...TurnFrame.options,
  ...StructuralFrame.options,
  Subscribed,
  Snapshot,
  TurnsWaiting,
  GoingAway,
]);
export type SessionFrame = z.infer<typeof SessionFrame>;
