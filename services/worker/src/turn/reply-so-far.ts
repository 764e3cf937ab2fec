import type { ReplyRecord } from "@boocode/contracts";
import type { Reply } from "./ports.ts";

/** The assistant's message that is being written: its text as far as it has a frame number. */
export interface OpenMessage {
  id: string;
  step: number;
  position: number;
  content: string;
  reasoning: string;
}

/** All text so far was a thought. */
export function withdrawText(message: OpenMessage): void {
  message.reasoning += message.content;
  message.content = "";
}

/** The facts of a whole reply. Prompt and answer together are what the context holds now. */
export function wholeReply(message: OpenMessage, reply: Reply): ReplyRecord {
  const { promptTokens, completionTokens } = reply;
  return {
    messageId: message.id,
    content: message.content,
    reasoning: message.reasoning || null,
    toolCalls: reply.toolCalls.length > 0 ? reply.toolCalls : null,
    finishReason: reply.finishReason,
    model: reply.model,
    tokensUsed: completionTokens,
    ctxUsed: promptTokens === null ? null : promptTokens + (completionTokens ?? 0),
    ctxMax: reply.contextSize,
  };
}

/** The facts of a reply that was broken off: the text so far, and nothing that would pass for an answer. */
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
