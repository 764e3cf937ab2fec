import { z } from "zod";
import { Citation } from "./citations.ts";
import { Cursor } from "./cursor.ts";
import { TurnErrorCode } from "./errors.ts";
import { MessageContext } from "./message-context.ts";
import { MessageStatus, ToolCall } from "./messages.ts";
import { Id } from "./primitives.ts";
import { CancelReason, HeldWaitReason, TurnStatus } from "./turns.ts";

/** The fields of every turn frame. The worker that holds the turn's lease numbers the frames of its epoch. */
const turnFrame = {
  session_id: Id,
  turn_id: Id,
  attempt: z.int().positive(),
  seq: z.int().positive(),
  /** Set on a delta that the gateway merged from several: it covers `first_seq … seq`. */
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
/** The message's text so far was reasoning, as only its closing tag showed: clients move it to the end of the reasoning. */
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
  /** The tool message; REST has its whole output. */
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
/** What the answer cites. Sent when that was checked, also if it cites nothing; each further frame adds citations. */
export const CitationsFrame = z.object({
  type: z.literal("citations"),
  ...turnFrame,
  message_id: Id,
  citations: z.array(Citation),
});
export const ErrorFrame = z.object({
  type: z.literal("error"),
  ...turnFrame,
  message_id: Id.nullable(),
  code: TurnErrorCode,
  message: z.string(),
});
/** The model is not ready. Sent at most once per model call; the first delta that follows ends the wait. */
export const ModelLoading = z.object({
  type: z.literal("model_loading"),
  ...turnFrame,
  model: z.string().nullable(),
  /**
   * `refused`: the server rejected the request because the model was not ready. `told`: a proxy reported it. `silence`: the
   * answer has not begun for a while.
   */
  cause: z.enum(["refused", "told", "silence"]),
});
/** The turn waits for something other than the model's output. The first delta or tool result that follows ends the wait. */
export const TurnWaiting = z.object({
  type: z.literal("turn_waiting"),
  ...turnFrame,
  /**
   * `slot`: other turns hold every slot at the model server. `loading`, `busy`, `unreachable`, `failed`: the request failed
   * in this way and is retried. `cut`: the answer was cut off after its first word; another attempt starts it again. `tools`: its tool calls do not run yet, because
   * others hold the worker's tool processes; sent once.
   */
  reason: HeldWaitReason,
  /** null: as soon as possible. */
  retry_in_ms: z.int().nonnegative().nullable(),
  /**
   * How many go first. For `slot`, where it is known: requests to the model server, sent again when it has changed. For `tools`:
   * calls.
   */
  ahead: z.int().nonnegative().optional(),
});
/** The conversation did not fit into the context window; `context` states what was left out of the call for this message. */
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
  CitationsFrame,
  ErrorFrame,
  ModelLoading,
  TurnWaiting,
  ContextFitted,
  TurnFinished,
]);
export type TurnFrame = z.infer<typeof TurnFrame>;
