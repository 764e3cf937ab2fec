import type { ConversationRow } from "@boocode/contracts";
import type { ConversationTurn } from "./conversation-turn.ts";
import type { ConversationMessage } from "./ports.ts";
import { assistantMessage, toolMessage } from "./to-conversation.ts";

/**
 * The rows of one turn as the model reads them: calls and results in their exact place. What is still streaming is left out,
 * and so are the calls of a step that was never finished: nothing would answer them.
 */
export function buildTurn(
  ordinal: number,
  rows: readonly ConversationRow[],
  replayReasoning: boolean,
): ConversationTurn {
  const messages: ConversationMessage[] = [];
  for (const row of rows) {
    if (row.status === "streaming") continue;
    if (row.role === "user") messages.push({ role: "user", content: row.content });
    else if (row.role === "assistant") {
      const toolCalls = row.status === "complete" ? (row.tool_calls ?? []) : [];
      if (row.content === "" && toolCalls.length === 0) continue;
      messages.push(
        assistantMessage({ content: row.content, reasoning: row.reasoning ?? null, toolCalls }, replayReasoning),
      );
    } else if (row.tool_result) {
      const message = toolMessage(row.tool_result, row.content);
      messages.push(row.left_out ? { ...message, leftOut: true } : message);
    }
  }
  return { ordinal, messages };
}
