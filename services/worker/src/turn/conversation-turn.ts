import type { ConversationMessage } from "./ports.ts";

/** One turn of a conversation as the model reads it; the question stands first. */
export interface ConversationTurn {
  ordinal: number;
  messages: ConversationMessage[];
}

export type ToolConversationMessage = Extract<ConversationMessage, { role: "tool" }>;
