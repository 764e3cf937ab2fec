import { z } from "zod";
import { Cursor } from "./cursor.ts";
import { TurnErrorCode } from "./errors.ts";
import { MessageContext } from "./message-context.ts";
import { Message, MessageStatus, ToolCall } from "./messages.ts";
import { Id } from "./primitives.ts";
import { CancelReason, Turn, TurnStatus } from "./turns.ts";

/**
 * No frame of a turn and no posted message is larger; what would be is shortened, marked `shortened`, and whole in REST. A
 * snapshot is as long as the turn's text, and a user frame as the system prompt in it.
 */
export const MAX_FRAME_BYTES = 64 * 1024;

/** Numbered by the worker that holds the turn's lease, within its epoch. */
const turnFrame = {
  session_id: Id,
  turn_id: Id,
  attempt: z.int().positive(),
  seq: z.int().positive(),
  /** Set on a delta that the gateway merged: it covers `first_seq … seq`. */
  first_seq: z.int().positive().optional(),
  cursor: Cursor,
};

/** Tells of a change of the session's structure; a hole in `version` means: load the session again. */
const structuralFrame = { session_id: Id, version: z.int().positive() };

export const TurnStarted = z.object({ type: z.literal("turn_started"), ...turnFrame, ordinal: z.int().positive() });
export const MessageStarted = z.object({
  type: z.literal("message_started"),
  ...turnFrame,
  message_id: Id,
  turn_ordinal: z.int().positive(),
  position: z.int().nonnegative(),
  role: z.literal("assistant"),
  model: z.string().nullable(),
});
export const Delta = z.object({ type: z.literal("delta"), ...turnFrame, message_id: Id, content: z.string() });
export const ReasoningDelta = z.object({
  type: z.literal("reasoning_delta"),
  ...turnFrame,
  message_id: Id,
  content: z.string(),
});
export const ToolCallFrame = z.object({
  type: z.literal("tool_call"),
  ...turnFrame,
  message_id: Id,
  tool_call: ToolCall,
  shortened: z.boolean().optional(),
});
export const ToolResultFrame = z.object({
  type: z.literal("tool_result"),
  ...turnFrame,
  /** The tool message that holds the whole output. */
  message_id: Id,
  position: z.int().nonnegative(),
  tool_call_id: z.string(),
  name: z.string(),
  output: z.string(),
  truncated: z.boolean(),
  error: z.string().nullable(),
  shortened: z.boolean().optional(),
});
export const MessageComplete = z.object({
  type: z.literal("message_complete"),
  ...turnFrame,
  message_id: Id,
  status: MessageStatus.exclude(["streaming"]),
  finish_reason: z.string().nullable(),
  model: z.string().nullable(),
  tokens_used: z.int().nullable(),
  ctx_used: z.int().nullable(),
  ctx_max: z.int().nullable(),
});
export const ErrorFrame = z.object({
  type: z.literal("error"),
  ...turnFrame,
  message_id: Id.nullable(),
  code: TurnErrorCode,
  message: z.string(),
});
/** The model is not ready. It is told once a model call; the first words that follow say that it is. */
export const ModelLoading = z.object({
  type: z.literal("model_loading"),
  ...turnFrame,
  model: z.string().nullable(),
  /** How it is known: the server refused with it, a proxy told it while it loads, or no answer has begun for a while. */
  cause: z.enum(["refused", "told", "silence"]),
});
/** The turn waits for something other than words of the model. */
export const TurnWaiting = z.object({
  type: z.literal("turn_waiting"),
  ...turnFrame,
  /**
   * `slot`: other turns have all places at the model server. `loading`, `busy`, `unreachable`, `failed`: the request failed
   * so and is sent again. `cut`: the answer was cut after words were seen, and comes anew in another attempt.
   */
  reason: z.enum(["slot", "loading", "busy", "unreachable", "failed", "cut"]),
  /** null: as soon as it is possible. */
  retry_in_ms: z.int().nonnegative().nullable(),
});
/** The conversation did not fit as it is: what was left out of the model call that writes this message. */
export const ContextFitted = z.object({
  type: z.literal("context_fitted"),
  ...turnFrame,
  message_id: Id,
  context: MessageContext,
});
export const TurnFinished = z.object({
  type: z.literal("turn_finished"),
  ...turnFrame,
  status: TurnStatus.extract(["complete", "failed", "cancelled"]),
  cancel_reason: CancelReason.nullable(),
});

export const MessagePosted = z.object({
  type: z.literal("message_posted"),
  ...structuralFrame,
  /** A question that is too large for a frame is `shortened` here and whole in REST. */
  message: Message.extend({ shortened: z.boolean().optional() }),
});
export const TurnQueued = z.object({
  type: z.literal("turn_queued"),
  ...structuralFrame,
  turn_id: Id,
  ordinal: z.int().positive(),
  /** Turns that run before this one. */
  ahead: z.int().nonnegative(),
});
/** A turn that was cancelled before any worker took it. */
export const TurnWithdrawn = z.object({
  type: z.literal("turn_withdrawn"),
  ...structuralFrame,
  turn_id: Id,
  reason: CancelReason,
});
export const MessagesDeletedFrame = z.object({
  type: z.literal("messages_deleted"),
  ...structuralFrame,
  message_ids: z.array(Id),
});
export const SessionRenamed = z.object({
  type: z.literal("session_renamed"),
  ...structuralFrame,
  name: z.string().nullable(),
  auto_named: z.boolean(),
});

/** From the gateway: the socket is served. A `version` that is not the client's own means: load the session again. */
export const Subscribed = z.object({
  type: z.literal("subscribed"),
  session_id: Id,
  version: z.int().nonnegative(),
  cursor: Cursor,
});
/** From the gateway: the turn so far, in place of the frames up to `cursor`. Its messages replace the client's of that turn. */
export const Snapshot = z.object({
  type: z.literal("snapshot"),
  session_id: Id,
  version: z.int().nonnegative(),
  cursor: Cursor,
  /** null: nothing of a turn was missed, only the version is news. */
  turn: Turn.nullable(),
  /** A tool message whose output is too large for a frame is `shortened` here and whole in REST. */
  messages: z.array(Message.extend({ shortened: z.boolean().optional() })),
});
/** From the gateway: it is closing; come back after so many milliseconds. */
export const GoingAway = z.object({ type: z.literal("going_away"), retry_after_ms: z.int().nonnegative() });

export const TurnFrame = z.discriminatedUnion("type", [
  TurnStarted,
  MessageStarted,
  Delta,
  ReasoningDelta,
  ToolCallFrame,
  ToolResultFrame,
  MessageComplete,
  ErrorFrame,
  ModelLoading,
  TurnWaiting,
  ContextFitted,
  TurnFinished,
]);
export type TurnFrame = z.infer<typeof TurnFrame>;

export const StructuralFrame = z.discriminatedUnion("type", [
  MessagePosted,
  TurnQueued,
  TurnWithdrawn,
  MessagesDeletedFrame,
  SessionRenamed,
]);
export type StructuralFrame = z.infer<typeof StructuralFrame>;

export const SessionFrame = z.discriminatedUnion("type", [
  ...TurnFrame.options,
  ...StructuralFrame.options,
  Subscribed,
  Snapshot,
  GoingAway,
]);
export type SessionFrame = z.infer<typeof SessionFrame>;
