import type { Message } from "@boocode/contracts";
import type { ConversationMessage } from "./ports.ts";
import { toolMessage } from "./run-turn.ts";

/**
 * The rows of a conversation as the model reads them: calls and results in their exact place. What is still streaming is
 * left out, and so are the calls of a step that was never finished: nothing would answer them.
 */
export function buildMessages(rows: readonly Message[]): ConversationMessage[] {
  const messages: ConversationMessage[] = [];
  for (const row of rows) {
    if (row.status === "streaming") continue;
    if (row.role === "user") messages.push({ role: "user", content: row.content });
    else if (row.role === "assistant") {
      const toolCalls = row.status === "complete" ? (row.tool_calls ?? []) : [];
      if (row.content !== "" || toolCalls.length > 0) {
        messages.push({ role: "assistant", content: row.content, toolCalls });
      }
    } else if (row.tool_result) messages.push(toolMessage(row.tool_result, row.content));
  }
  return messages;
}
