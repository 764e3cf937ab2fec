import { z } from "zod";

const Call = z.looseObject({
  id: z.string().nullish(),
  function: z.looseObject({ name: z.string().nullish(), arguments: z.unknown() }),
});

export const ChatMessage = z.looseObject({
  role: z.string(),
  content: z.unknown(),
  tool_calls: z.array(Call).nullish(),
  tool_call_id: z.string().nullish(),
});
export type ChatMessage = z.infer<typeof ChatMessage>;

export const OfferedTool = z.looseObject({
  name: z.string(),
  parameters: z.looseObject({ properties: z.record(z.string(), z.unknown()).optional() }).optional(),
});
export type OfferedTool = z.infer<typeof OfferedTool>;

/**
 * The fields that this server needs to answer a request; every other field is accepted. `check/check-request.ts` judges
 * separately whether the request is valid for real servers.
 */
export const ChatRequest = z.looseObject({
  model: z.string().min(1).default("investigator"),
  messages: z.array(ChatMessage).min(1),
  tools: z.array(z.looseObject({ function: OfferedTool })).default([]),
  tool_choice: z.unknown().optional(),
  stream: z.boolean().default(false),
  stream_options: z.looseObject({ include_usage: z.boolean().optional() }).nullish(),
});
export type ChatRequest = z.infer<typeof ChatRequest>;

/** The text of a message, whose content is a string or an array of parts. */
export function textOf(message: { content?: unknown }): string {
  if (typeof message.content === "string") return message.content;
  if (!Array.isArray(message.content)) return "";
  return message.content.map((part) => (typeof part?.text === "string" ? part.text : "")).join("");
}

/** @returns the index of the last user message; -1 when there is none */
export function lastUserIndex(messages: ChatMessage[]): number {
  return messages.findLastIndex((message) => message.role === "user");
}

/** The number of earlier model calls of this turn: the assistant messages with tool calls after the last question. */
export function stepOf(messages: ChatMessage[]): number {
  const turn = messages.slice(lastUserIndex(messages) + 1);
  return turn.filter((message) => message.role === "assistant" && message.tool_calls?.length).length;
}
