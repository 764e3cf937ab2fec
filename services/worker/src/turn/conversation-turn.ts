import type { ConversationRow } from "@boocode/contracts";
import type { ConversationMessage, Reply } from "./ports.ts";

/** One turn of a conversation as the model reads it. The question comes first. */
export interface ConversationTurn {
  ordinal: number;
  messages: ConversationMessage[];
}

export type ToolConversationMessage = Extract<ConversationMessage, { role: "tool" }>;

/**
 * Builds a turn from its rows, with calls and results in their exact order. It omits a message that is still streaming, and
 * the calls of a step that never finished: no result would answer them.
 */
export function buildTurn(
  ordinal: number,
  rows: readonly ConversationRow[],
  replayReasoning: boolean,
): ConversationTurn {
  const messages: ConversationMessage[] = [];
  for (const row of rows) {
    if (row.status === "streaming") continue;
    switch (row.role) {
      case "user":
        messages.push({ role: "user", content: row.content });
        break;
      case "assistant": {
        const toolCalls = row.status === "complete" ? (row.tool_calls ?? []) : [];
        if (row.content === "" && toolCalls.length === 0) break;
        const reply = { content: row.content, reasoning: row.reasoning ?? null, toolCalls };
        messages.push(assistantMessage(reply, replayReasoning));
        break;
      }
      case "tool": {
        if (!row.tool_result) break;
        const message = toolMessage(row.tool_result, row.content);
        messages.push(row.left_out ? { ...message, leftOut: true } : message);
        break;
      }
      default:
        row.role satisfies never;
    }
  }
  return { ordinal, messages };
}

export function assistantMessage(
  reply: { content: string; reasoning: string | null; toolCalls: Reply["toolCalls"] },
  replayReasoning: boolean,
): ConversationMessage {
  const { content, reasoning, toolCalls } = reply;
  return replayReasoning && reasoning
    ? { role: "assistant", content, toolCalls, reasoning }
    : { role: "assistant", content, toolCalls };
}

/** A tool's result as the model reads it. The result of a failed call begins with `error:`. */
export function toolMessage(
  result: { tool_call_id: string; name: string; error: string | null },
  output: string,
): ToolConversationMessage {
  const content = result.error === null ? output : `error: ${result.error}`;
  return { role: "tool", toolCallId: result.tool_call_id, name: result.name, content };
}
