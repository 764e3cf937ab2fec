import type { ToolConversationMessage } from "./conversation-turn.ts";
import type { ConversationMessage, Reply } from "./ports.ts";

/** What the assistant said, as the model reads it again. */
export function assistantMessage(
  said: { content: string; reasoning: string | null; toolCalls: Reply["toolCalls"] },
  replayReasoning: boolean,
): ConversationMessage {
  const { content, toolCalls } = said;
  return replayReasoning && said.reasoning
    ? { role: "assistant", content, toolCalls, reasoning: said.reasoning }
    : { role: "assistant", content, toolCalls };
}

/** A tool's answer as the model reads it: a failed one says so in its first word. */
export function toolMessage(
  result: { tool_call_id: string; name: string; error: string | null },
  output: string,
): ToolConversationMessage {
  const content = result.error === null ? output : `error: ${result.error}`;
  return { role: "tool", toolCallId: result.tool_call_id, name: result.name, content };
}
