import type { Message } from "@boocode/contracts";
import { changeMessage, toViewMessage } from "./order-messages.ts";
import type { Rest } from "./rest.ts";
import type { SessionView, ViewMessage } from "./session-view.ts";

/** Pages of this size, from the end of the message's turn backwards; the API gives no larger one than the last. */
const PAGE_SIZES = [50, 1_000];

/** Finds one message by REST. @returns null when it is gone */
export async function findWhole(rest: Rest, message: ViewMessage, signal: AbortSignal): Promise<Message | null> {
  for (const limit of PAGE_SIZES) {
    const page = { limit, before: message.turn_ordinal + 1 };
    const { messages, has_more } = await rest.listMessages(message.session_id, page, { signal });
    const found = messages.find((one) => one.id === message.id);
    if (found || !has_more) return found ?? null;
  }
  return null;
}

/** Puts what was cut in its place; the text of a message that still streams is the frames' and stays. */
export function withWhole(view: SessionView, whole: Message): SessionView {
  const messages = changeMessage(view.messages, whole.id, (message) => {
    if (whole.status !== "streaming" && message.status !== "streaming") return toViewMessage(whole, message.since);
    const isAll = (whole.tool_calls?.length ?? 0) >= (message.tool_calls?.length ?? 0);
    return isAll ? { ...message, tool_calls: whole.tool_calls, shortened: false } : message;
  });
  return messages === view.messages ? view : { ...view, messages };
}
