import type { ToolCall, ToolResult, TurnErrorCode } from "@boocode/contracts";

/** What the turn needs of the world, in the turn's own words. The provider's vocabulary stops at `model/`. */

/** A tool as the model sees it. */
export interface ToolOffer {
  name: string;
  description: string;
  /** Follows the tool's name in the system prompt, such as "to search the text of files". */
  purpose: string;
  /** A JSON schema of type object. */
  parameters: Record<string, unknown>;
}

export type ConversationMessage =
  | { role: "user"; content: string }
  /** `reasoning` only where the model server wants its thoughts back. */
  | { role: "assistant"; content: string; toolCalls: ToolCall[]; reasoning?: string }
  /** `leftOut`: the output was not even read, because an earlier request has left it out. */
  | { role: "tool"; toolCallId: string; name: string; content: string; leftOut?: boolean };

export interface ModelRequest {
  /** null: the server's default model. */
  model: string | null;
  system: string;
  messages: ConversationMessage[];
  tools: ToolOffer[];
  /** `none` asks for words although tools are offered. */
  toolChoice: "auto" | "none";
}

/** One whole answer of the model. */
export interface Reply {
  content: string;
  reasoning: string;
  toolCalls: ToolCall[];
  finishReason: string | null;
  /** The model that answered, as the server names it. */
  model: string | null;
  promptTokens: number | null;
  completionTokens: number | null;
  /** Size of the model's window in tokens, where it is known. */
  contextSize: number | null;
}

/** Why the model's words are waited for, as subscribers are told. */
export type WaitReason = "slot" | "loading" | "busy" | "unreachable" | "failed" | "cut";

/** What is told of a wait. */
export type WaitEvent =
  | { type: "loading"; model: string | null; cause: "refused" | "told" | "silence" }
  /** `retryInMs` is null when it is not known. */
  | { type: "waiting"; reason: WaitReason; retryInMs: number | null };

/** `reply` is the last event; a stream that ends without one has thrown. Waits come before the first words. */
export type ReplyEvent =
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string }
  /** All text so far of this message was a thought: the model does not say that it thinks, only that it has thought. */
  | { type: "text_was_reasoning" }
  | WaitEvent
  | { type: "reply"; reply: Reply };

export type StreamReply = (request: ModelRequest, signal: AbortSignal) => AsyncIterable<ReplyEvent>;

/** The model server did not give an answer. The message says why, in at most 200 characters of its own words. */
export class ModelFailure extends Error {
  override name = "ModelFailure";
  readonly code: TurnErrorCode;
  /** HTTP status, where there was one. */
  readonly status: number | null;
  /** The same request may succeed later, and nothing of an answer has been seen. */
  readonly retryable: boolean;
  readonly retryAfterMs: number | null;
  /** A part of the answer was given out before it failed. */
  readonly visible: boolean;
  /** What the server told of its window, when the request was too long for it. */
  readonly overflow: { window: number | null; promptTokens: number | null } | null;

  constructor(
    code: TurnErrorCode,
    message: string,
    details: {
      status?: number;
      retryable?: boolean;
      retryAfterMs?: number;
      visible?: boolean;
      overflow?: { window: number | null; promptTokens: number | null };
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: details.cause });
    this.code = code;
    this.status = details.status ?? null;
    this.retryable = details.retryable ?? false;
    this.retryAfterMs = details.retryAfterMs ?? null;
    this.visible = details.visible ?? false;
    this.overflow = details.overflow ?? null;
  }
}

/** A finished tool call: the text that the model reads and the facts beside it. A failed tool is a result, not an exception. */
export interface ToolOutcome {
  output: string;
  result: ToolResult;
}

/** Runs one call inside the project's root. Throws only when `signal` aborts. */
export type RunTool = (call: ToolCall, signal: AbortSignal) => Promise<ToolOutcome>;
