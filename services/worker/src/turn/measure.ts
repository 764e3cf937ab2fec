import type { ConversationMessage, ToolOffer } from "./ports.ts";

/** Characters that a chat template adds around a message and around a call. */
const AROUND_MESSAGE = 16;
const AROUND_CALL = 24;

/** Characters of a message as it is sent to a model. */
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

/** Characters that every request contains: the system prompt and the schemas of the tools. */
export function fixedCharacters(system: string, tools: readonly ToolOffer[]): number {
  return system.length + toolsCharacters(tools) + AROUND_MESSAGE;
}

export function toolsCharacters(tools: readonly ToolOffer[]): number {
  return tools.reduce(
    (sum, tool) => sum + tool.name.length + tool.description.length + JSON.stringify(tool.parameters).length,
    0,
  );
}
