import { z } from "zod";
import { Cursor } from "./cursor.ts";
import { TurnError } from "./errors.ts";
import { MessageContext } from "./message-context.ts";
import { Id, Timestamp } from "./primitives.ts";
import { cleanText } from "./text.ts";
import { Turn } from "./turns.ts";

/** A tool call as the model asked for it. Arguments that were not a JSON object stand as `{_raw: text}`. */
export const ToolCall = z
  .object({
    id: z.string(),
    name: z.string(),
    arguments: z.record(z.string(), z.unknown()),
    /** What the model server attached to the call and wants back (a Gemini thought signature, say). */
    extra: z.record(z.string(), z.unknown()).optional(),
  })
  .meta({ id: "ToolCall" });
export type ToolCall = z.infer<typeof ToolCall>;

/** What a tool answered; its text is the tool message's content. */
export const ToolResult = z
  .object({
    tool_call_id: z.string(),
    name: z.string(),
    /** The output was cut, and says how to ask for the rest. */
    truncated: z.boolean(),
    /** Why the tool failed, in words that the model can act on; null when it did not. */
    error: z.string().nullable(),
  })
  .meta({ id: "ToolResult" });
export type ToolResult = z.infer<typeof ToolResult>;

export const MessageRole = z.enum(["user", "assistant", "tool"]);
export type MessageRole = z.infer<typeof MessageRole>;

export const MessageStatus = z.enum(["streaming", "complete", "failed", "cancelled"]);
export type MessageStatus = z.infer<typeof MessageStatus>;

/** The conversation is ordered by (turn_ordinal, position), never by a timestamp. */
export const Message = z
  .object({
    id: Id,
    session_id: Id,
    turn_id: Id,
    turn_ordinal: z.int().positive(),
    position: z.int().nonnegative(),
    role: MessageRole,
    content: z.string(),
    reasoning: z.string().nullable(),
    tool_calls: z.array(ToolCall).nullable(),
    tool_result: ToolResult.nullable(),
    status: MessageStatus,
    finish_reason: z.string().nullable(),
    error: TurnError.nullable(),
    model: z.string().nullable(),
    tokens_used: z.int().nullable(),
    ctx_used: z.int().nullable(),
    ctx_max: z.int().nullable(),
    /** An assistant's: what the model was sent. null for others, and for a message that never came to a model call. */
    context: MessageContext.nullable().optional(),
    created_at: Timestamp,
    started_at: Timestamp.nullable(),
    finished_at: Timestamp.nullable(),
  })
  .meta({ id: "Message" });
export type Message = z.infer<typeof Message>;

export const MessageList = z
  .object({
    messages: z.array(Message),
    /** The text above is complete up to here: follow the session's frames from this cursor and nothing is missing. */
    cursor: Cursor,
    /** The session's structure (messages posted and deleted, names, queue) as of this answer. */
    version: z.int().nonnegative(),
    /** The turns that run or wait, as of this answer: a turn of its messages that is none of them has ended. */
    live_turns: z.array(Turn),
    /** There are older messages: ask again with `before` set to the first message's `turn_ordinal`. */
    has_more: z.boolean(),
  })
  .meta({ id: "MessageList" });
export type MessageList = z.infer<typeof MessageList>;

export const MAX_MESSAGE_LENGTH = 100_000;

export const PostMessage = z
  .strictObject({
    content: z
      .string()
      .max(MAX_MESSAGE_LENGTH)
      .overwrite(cleanText)
      .refine((text) => text.trim() !== "", "must not be empty"),
    /** What happens when the session is busy: wait in line, refuse with 409, or cancel what runs and go next. */
    when_busy: z.enum(["queue", "reject", "interrupt"]).default("queue"),
  })
  .meta({ id: "PostMessage" });
export type PostMessage = z.infer<typeof PostMessage>;

/** The answer to a posted message and to a regeneration. */
export const TurnAccepted = z
  .object({
    session_id: Id,
    turn_id: Id,
    message_id: Id,
    turn_ordinal: z.int().positive(),
    version: z.int().nonnegative(),
  })
  .meta({ id: "TurnAccepted" });
export type TurnAccepted = z.infer<typeof TurnAccepted>;

export const MessagesDeleted = z
  .object({ deleted: z.array(Id), version: z.int().nonnegative() })
  .meta({ id: "MessagesDeleted" });
export type MessagesDeleted = z.infer<typeof MessagesDeleted>;
