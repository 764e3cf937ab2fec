import type { ToolCall, TurnErrorCode } from "@boocode/contracts";
import type { ToolOffer } from "@boocode/project-tools/ports";

/** The interfaces through which a turn uses the outside world. The vocabulary of model servers stays inside `model/`. */

export type ConversationMessage =
  | { role: "user"; content: string }
  /** `reasoning` is set only for model servers that require it to be sent back. */
  | { role: "assistant"; content: string; toolCalls: ToolCall[]; reasoning?: string }
  /** `leftOut`: the output was not read, because an earlier request elided it. */
  | { role: "tool"; toolCallId: string; name: string; content: string; leftOut?: boolean };

export interface ModelRequest {
  /** null: the server's default model. */
  model: string | null;
  system: string;
  messages: ConversationMessage[];
  tools: ToolOffer[];
  /** `none` requests text although tools are offered. */
  toolChoice: "auto" | "none";
  /** Limit of the answer's tokens, including reasoning. */
  maxTokens: number;
  /**
   * Why the prompt should fit into the window that the server reported: by the server's count of the last request, or by our
   * estimate alone. Absent if the window is unknown or an overflow was reported already.
   */
  sizedBy?: "count" | "estimate";
  /** The user who asked. Slots at model servers are shared out by user. */
  userId?: string;
  /** Makes the request give way: it ends with `GaveWay` when a turn waits for the same server. */
  inBackground?: boolean;
  /** Called when a request that the server began to answer has ended in any way: also when it failed or was aborted. */
  onUsed?: (usage: CallUsage) => void;
}

/** What one request used. A count is null when the server did not report it. */
export interface CallUsage {
  /** As the server names it. */
  model: string | null;
  promptTokens: number | null;
  /** The part of the prompt that the server had cached. */
  cachedTokens: number | null;
  answerTokens: number | null;
  /** The part of the answer that is reasoning. */
  reasoningTokens: number | null;
  /** The tokens of what was received, for an answer without a count. */
  answerEstimate: number;
}

/** One whole answer of the model. */
export interface Reply {
  content: string;
  reasoning: string;
  toolCalls: ToolCall[];
  /**
   * Text that begins as a tool call and was held back from subscribers. `toolCalls` has its calls, or it could not be parsed. It is
   * not a part of `content`.
   */
  callText?: string;
  finishReason: string | null;
  /** The model that answered, as the server names it. */
  model: string | null;
  promptTokens: number | null;
  completionTokens: number | null;
  /** Size of the model's window in tokens, where it is known. */
  contextSize: number | null;
  /** Whether the model's chat template renders tools; null or absent when the server does not report it. */
  seesTools?: boolean | null;
}

/** Why a turn waits, as frames state it: for the model, or for a process in which a tool can run. */
export type WaitReason = "slot" | "loading" | "busy" | "unreachable" | "failed" | "cut" | "tools";

/** Notifies subscribers of a wait. */
export type WaitEvent =
  | { type: "loading"; model: string | null; cause: "refused" | "told" | "silence" }
  /** `retryInMs` is null when it is unknown. */
  | {
      type: "waiting";
      reason: WaitReason;
      retryInMs: number | null;
      /** How many requests, or tool calls, go before this one, where that is known. */
      ahead?: number;
    };

/** `reply` is the last event; a stream that fails throws instead. Waits come before the first text. */
export type ReplyEvent =
  | { type: "text"; text: string }
  | { type: "reasoning"; text: string }
  /** All text of this message so far was reasoning: some models mark only the end of their reasoning. */
  | { type: "text_was_reasoning" }
  | WaitEvent
  | { type: "reply"; reply: Reply };

export type StreamReply = (request: ModelRequest, signal: AbortSignal) => AsyncIterable<ReplyEvent>;

/** A model call failed. The message is the server's own, in at most 200 characters. */
export class ModelFailure extends Error {
  override name = "ModelFailure";
  readonly code: TurnErrorCode;
  /** HTTP status, where there was one. */
  readonly status: number | null;
  /** The server's fault may pass: the same request may succeed later. */
  readonly passing: boolean;
  /** The same request may succeed later, and no part of an answer was visible. */
  readonly retryable: boolean;
  readonly retryAfterMs: number | null;
  /** How long the server had been silent before the failure. */
  readonly silentMs: number;
  /** A part of the answer was passed on before the failure. */
  readonly visible: boolean;
  /** The facts in an overflow error of the server. */
  readonly overflow: { window: number | null; promptTokens: number | null } | null;

  constructor(
    code: TurnErrorCode,
    message: string,
    details: {
      status?: number;
      passing?: boolean;
      retryable?: boolean;
      retryAfterMs?: number;
      silentMs?: number;
      visible?: boolean;
      overflow?: { window: number | null; promptTokens: number | null };
      cause?: unknown;
    } = {},
  ) {
    super(message, { cause: details.cause });
    this.code = code;
    this.status = details.status ?? null;
    this.retryable = details.retryable ?? false;
    this.passing = details.passing ?? this.retryable;
    this.retryAfterMs = details.retryAfterMs ?? null;
    this.silentMs = details.silentMs ?? 0;
    this.visible = details.visible ?? false;
    this.overflow = details.overflow ?? null;
  }
}
