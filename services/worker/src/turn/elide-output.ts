import type { ToolConversationMessage } from "./conversation-turn.ts";
import type { ConversationMessage } from "./ports.ts";

/** An output of at most so many characters stays: the line in its place would not be shorter. */
export const WORTH_ELIDING = 240;
/** Arguments longer than this are not repeated in the line; the call itself stands right before it. */
const MAX_ARGUMENTS = 160;

/** The same for the same output, whenever and by whichever worker: a prompt cache must find it as it was. */
export function elidedLine(message: ToolConversationMessage, turn: readonly ConversationMessage[]): string {
  const call = turn
    .flatMap((other) => (other.role === "assistant" ? other.toolCalls : []))
    .find((made) => made.id === message.toolCallId);
  const told = call ? JSON.stringify(call.arguments) : "{}";
  const what = told.length <= MAX_ARGUMENTS ? `${message.name} ${told}` : `${message.name} with the same arguments`;
  return `[output left out to save room: call ${what} again]`;
}

/** The beginning of an output that does not fit as a whole, and how to go on. */
export function cutOutput(content: string, characters: number): string {
  const room = Math.max(0, characters - CUT_NOTE.length);
  const last = content.charCodeAt(room - 1);
  return content.slice(0, last >= 0xd800 && last <= 0xdbff ? room - 1 : room) + CUT_NOTE;
}

export const CUT_NOTE = "\n[the rest was left out to save room: ask for less at once]";
