import { z } from "zod";
import { Cursor } from "./cursor.ts";
import { TurnErrorCode } from "./errors.ts";
import { MessageContext } from "./message-context.ts";
import { MessageStatus, ToolCall } from "./messages.ts";
import { Id } from "./primitives.ts";
import { CancelReason, TurnStatus } from "./turns.ts";

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
/** All text of the message so far was a thought, of a model that only says when it has ended: it moves to the reasoning's end. */
export const TextWasReasoning = z.object({ type: z.literal("text_was_reasoning"), ...turnFrame, message_id: Id });
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

export const TurnFrame = z.discriminatedUnion("type", [
  TurnStarted,
  MessageStarted,
  Delta,
  ReasoningDelta,
  TextWasReasoning,
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
