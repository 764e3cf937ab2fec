import { z } from "zod";
import { Citation } from "./citations.ts";
import { Cursor } from "./cursor.ts";
import { TurnError } from "./errors.ts";
import { MessageContext } from "./message-context.ts";
import { pageEnd } from "./pages.ts";
import { Id, Timestamp } from "./primitives.ts";
import { UserRef } from "./sharing.ts";
import { cleanText } from "./text.ts";
import { Turn } from "./turns.ts";

/** How many calls of one reply are kept. */
export const MAX_REPLY_CALLS = 1_024;
/** The limit of what a model may write in one reply, in bytes of JSON. No question and no tool output is as long. */
export const MAX_REPLY_BYTES = 2_000_000;

/** A tool call as the model requested it. Arguments that are not a JSON object are kept as `{_raw: text}`. */
export const ToolCall = z
  .object({
    id: z.string(),
    name: z.string(),
    arguments: z.record(z.string(), z.unknown()),
    extra: z
      .record(z.string(), z.unknown())
      .optional()
      .describe(
        "Data that the model server attached to the call and expects back, such as a Gemini thought signature.",
      ),
  })
  .meta({ id: "ToolCall" });
export type ToolCall = z.infer<typeof ToolCall>;

/** The result of a tool call; its output is the content of the tool message. */
export const ToolResult = z
  .object({
    tool_call_id: z.string(),
    name: z.string(),
    truncated: z.boolean().describe("Whether the output was cut; if so, it ends with a note on how to get the rest."),
    error: z.string().nullable().describe("Why the tool failed, worded for the model; null when it succeeded."),
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
    author: UserRef.nullable().optional().describe("The user who asked; null for other roles."),
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
    /** What was sent to the model for this message; null for other roles, and when no model call was made. */
    context: MessageContext.nullable().optional(),
    citations: z
      .array(Citation)
      .nullable()
      .optional()
      .describe("The lines that an answer cites, in the order of its text. null: not checked; see docs/citations.md."),
    created_at: Timestamp,
    started_at: Timestamp.nullable(),
    finished_at: Timestamp.nullable(),
    shortened: z
      .boolean()
      .optional()
      .describe(
        "Its text, reasoning or tool output is cut, or the arguments of its calls are left out; request the message itself.",
      ),
  })
  .meta({ id: "Message" });
export type Message = z.infer<typeof Message>;

export const MessageList = z
  .object({
    messages: z.array(Message),
    /** The messages are complete up to this cursor: a client that follows the session's frames from it misses nothing. */
    cursor: Cursor,
    version: z
      .int()
      .nonnegative()
      .describe("The version of the session's structure (messages, names, queue) as of this response."),
    live_turns: z
      .array(Turn)
      .describe("The running and queued turns as of this response; every other turn of these messages has ended."),
    has_more: z
      .boolean()
      .describe(
        "Whether there are older messages. The first message need not begin a turn, so request them with `next_before`.",
      ),
    next_before: pageEnd.next_before,
  })
  .meta({ id: "MessageList" });
export type MessageList = z.infer<typeof MessageList>;

/** A place in a conversation. */
export interface MessagePlace {
  turn_ordinal: number;
  position: number;
}

const PLACE = /^(\d{1,9})(?:\.(\d{1,9}))?$/;

export const MessageQuery = z.strictObject({
  limit: z.coerce
    .number<string>()
    .int()
    .min(1)
    .max(1_000)
    .default(500)
    .describe(
      "The maximum number of messages. A page has whole turns, and at least one turn, even if that is longer than the limit; only " +
        "where that is longer than an answer can be, it ends at a message.",
    ),
  before: z
    .string()
    .regex(PLACE, "must be the `next_before` of an answer, or the ordinal of a turn")
    .refine((text) => !/^0+$/.test(text), "must be at least 1")
    .transform((text): MessagePlace => {
      const [, turn, position] = PLACE.exec(text) ?? [];
      return { turn_ordinal: Number(turn), position: Number(position ?? 0) };
    })
    .optional()
    .describe("The `next_before` of the last answer; or only messages of turns below this ordinal."),
});

/** As `MessageQuery`, for the messages of one turn: its pages end at a message. */
export const TurnMessageQuery = MessageQuery.extend({
  limit: MessageQuery.shape.limit.describe("The maximum number of messages."),
});

export const MAX_MESSAGE_LENGTH = 100_000;

export const PostMessage = z
  .strictObject({
    content: z
      .string()
      .max(MAX_MESSAGE_LENGTH)
      .overwrite(cleanText)
      .refine((text) => text.trim() !== "", "must not be empty"),
    when_busy: z
      .enum(["queue", "reject", "interrupt"])
      .default("queue")
      .describe("If the session is busy: queue the turn, reject it with 409, or cancel the live turns and run next."),
  })
  .meta({ id: "PostMessage" });
export type PostMessage = z.infer<typeof PostMessage>;

/** A new text in place of the session's last question. */
export const EditQuestion = z
  .strictObject({
    content: PostMessage.shape.content,
    message_id: Id.optional().describe(
      "The question that is replaced: refused unless it is the session's last one. Absent: whichever is the last.",
    ),
  })
  .meta({ id: "EditQuestion" });
export type EditQuestion = z.infer<typeof EditQuestion>;

/** The response to a posted or edited message and to a regeneration. */
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

/**
 * How many ids of deleted messages an answer or a frame lists. An id takes 39 bytes of JSON, so this many take 39 KB of the 64 KiB
 * that a frame may have, and leave room for fields that are added later.
 */
export const MAX_DELETED_IDS = 1_000;

/** How many frames list the ids of one deletion. All of them together take 1.3 MB for each subscriber. */
export const MAX_DELETION_FRAMES = 32;

/** @returns the ids for each frame; none when there are too many, because clients would take a part of them for all */
export function listDeletedIds(ids: string[]): string[][] {
  if (ids.length > MAX_DELETED_IDS * MAX_DELETION_FRAMES) return [];
  const frames = Math.ceil(ids.length / MAX_DELETED_IDS);
  return Array.from({ length: frames }, (_, at) => ids.slice(at * MAX_DELETED_IDS, (at + 1) * MAX_DELETED_IDS));
}

export const MessagesDeleted = z
  .object({
    deleted: z
      .array(Id)
      .describe(`The ids of the deleted messages; empty when there are more than ${MAX_DELETED_IDS}.`),
    count: z.int().nonnegative().describe("How many messages were deleted."),
    version: z.int().nonnegative(),
  })
  .meta({ id: "MessagesDeleted" });
export type MessagesDeleted = z.infer<typeof MessagesDeleted>;
