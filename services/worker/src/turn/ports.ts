import type { ToolCall, ToolResult, TurnErrorCode } from "@boocode/contracts";

/** What the turn needs of the world, in the turn's own words. The provider's vocabulary stops at `model/`. */

/** A tool as it is offered to a model. `parameters` is a JSON schema of type object. */
export interface ToolOffer {
  name: string;
  description: string;
  parameters: Record<string, unknown>;
}

export type ConversationMessage =
  | { role: "user"; content: string }
  | { role: "assistant"; content: string; toolCalls: ToolCall[] }
  | { role: "tool"; toolCallId: string; name: string; content: string };

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

/** `reply` is the last event; a stream that ends without one has thrown. */
export type ReplyEvent =
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string }
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

  constructor(
    code: TurnErrorCode,
    message: string,
    details: { status?: number; retryable?: boolean; retryAfterMs?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause });
    this.code = code;
    this.status = details.status ?? null;
    this.retryable = details.retryable ?? false;
    this.retryAfterMs = details.retryAfterMs ?? null;
  }
}

/** A finished tool call: the text that the model reads and the facts beside it. A failed tool is a result, not an exception. */
export interface ToolOutcome {
  output: string;
  result: ToolResult;
}

/** Runs one call inside the project's root. Throws only when `signal` aborts. */
export type RunTool = (call: ToolCall, signal: AbortSignal) => Promise<ToolOutcome>;
