import type { ConversationMessage, ToolOffer } from "./ports.ts";

/** What a chat template puts around a message, in characters. */
const AROUND_MESSAGE = 16;
const AROUND_CALL = 24;

/** Characters of a message that a model is sent. */
export function messageCharacters(message: ConversationMessage): number {
  if (message.role !== "assistant") return message.content.length + AROUND_MESSAGE;
  const calls = message.toolCalls.reduce(
    (sum, call) => sum + call.name.length + JSON.stringify(call.arguments).length + AROUND_CALL,
    0,
  );
  return message.content.length + (message.reasoning?.length ?? 0) + calls + AROUND_MESSAGE;
}

export function messagesCharacters(messages: readonly ConversationMessage[]): number {
  return messages.reduce((sum, message) => sum + messageCharacters(message), 0);
}

/** Characters of what every request carries: the system prompt and the schemas of the tools. */
export function fixedCharacters(system: string, tools: readonly ToolOffer[]): number {
  const schemas = tools.reduce(
    (sum, tool) => sum + tool.name.length + tool.description.length + JSON.stringify(tool.parameters).length,
    0,
  );
  return system.length + schemas + AROUND_MESSAGE;
}
