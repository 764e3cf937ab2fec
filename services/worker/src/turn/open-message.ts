import type { MessageContext, ReplyRecord } from "@boocode/contracts";
import type { Reply } from "./ports.ts";

/**
 * The assistant's message that is being written, with only the text that has frame numbers. Drafts and cut replies consist of
 * this text; a whole reply has its own.
 */
export interface OpenMessage {
  readonly id: string;
  content: string;
  reasoning: string;
  /** What was sent to the model. Each write of the message saves it, because the message may have begun before it was known. */
  context: MessageContext | null;
}

/** @param context null when no request is sent */
export const openMessage = (id: string, context: MessageContext | null): OpenMessage => ({
  ...{ id, content: "", reasoning: "", context },
});

export function appendText(message: OpenMessage, kind: "content" | "reasoning", text: string): void {
  message[kind] += text;
}

/** Turns all text so far into reasoning. */
export function withdrawText(message: OpenMessage): void {
  message.reasoning += message.content;
  message.content = "";
}

export function wholeReply(messageId: string, reply: Reply): ReplyRecord {
  const { promptTokens, completionTokens } = reply;
  return {
    messageId,
    content: reply.content,
    reasoning: reply.reasoning || null,
    toolCalls: reply.toolCalls.length > 0 ? reply.toolCalls : null,
    finishReason: reply.finishReason,
    model: reply.model,
    tokensUsed: completionTokens,
    ctxUsed: promptTokens === null ? null : promptTokens + (completionTokens ?? 0),
    ctxMax: reply.contextSize,
  };
}

/** A reply that was cut: the text so far, and nothing that would pass for a finished answer. */
export function partialReply(message: OpenMessage): ReplyRecord {
  return {
    messageId: message.id,
    content: message.content,
    reasoning: message.reasoning || null,
    toolCalls: null,
    finishReason: null,
    model: null,
    tokensUsed: null,
    ctxUsed: null,
    ctxMax: null,
  };
}
