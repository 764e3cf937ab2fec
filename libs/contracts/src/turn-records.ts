import type { Citation } from "./citations.ts";
import type { TurnError } from "./errors.ts";
import type { MessageContext } from "./message-context.ts";
import type { Message, ToolCall } from "./messages.ts";
import type { CancelReason } from "./turns.ts";

// What the worker and the store exchange about a turn. No client sees these types.

/** How a turn ends. */
export type TurnEnd =
  | { status: "complete" }
  | { status: "failed"; error: TurnError }
  | { status: "cancelled"; reason: CancelReason };

/** What a model call writes to its message's row. After a call that was cut short, everything but the text is null. */
export interface ReplyRecord {
  messageId: string;
  content: string;
  reasoning: string | null;
  toolCalls: ToolCall[] | null;
  finishReason: string | null;
  model: string | null;
  tokensUsed: number | null;
  /** Tokens of prompt and answer together. */
  ctxUsed: number | null;
  ctxMax: number | null;
  /** Absent or null: not checked. */
  citations?: Citation[] | null;
}

/** A model call of the session, as its message's row records it. */
export interface RecentCall {
  context: MessageContext;
  tokens_used: number | null;
  /** Tokens of prompt and answer together. */
  ctx_used: number | null;
  ctx_max: number | null;
}

/** The columns of a message from which the conversation for a model is built. */
export type ConversationRow = Pick<
  Message,
  "turn_ordinal" | "role" | "status" | "content" | "tool_calls" | "tool_result"
> & {
  reasoning?: string | null;
  /** The tool's output was not read, because an earlier request elided it. */
  left_out?: boolean | null;
};
