import type { Message, MessageList } from "@boocode/contracts";
import type { LoadedSession } from "../fold/merge-loaded.ts";
import type { ViewMessage } from "../fold/session-view.ts";
import type { Rest } from "../rest/create-rest.ts";

export interface LoadOptions {
  /** Load older pages until the first message is of this turn or an older one. */
  downTo: number;
  pageSize: number;
  signal: AbortSignal;
}

/** Loads a session by REST. @throws BooCodeError */
export async function loadSession(rest: Rest, sessionId: string, options: LoadOptions): Promise<LoadedSession> {
  const { signal, pageSize: limit } = options;
  const newest = await rest.listMessages(sessionId, { limit }, { signal });
  // Read after the messages, so that no rename in between is missed; the frame of one that it includes changes nothing.
  const session = await rest.getSession(sessionId, { signal });
  const older = await loadOlderPages(rest, sessionId, newest, options);
  return { session, liveTurns: newest.live_turns, cursor: newest.cursor, version: newest.version, ...older };
}

async function loadOlderPages(
  rest: Rest,
  sessionId: string,
  newest: MessageList,
  { downTo, pageSize: limit, signal }: LoadOptions,
): Promise<{ messages: Message[]; hasMore: boolean }> {
  let messages = newest.messages;
  let hasMore = newest.has_more;
  while (hasMore && messages[0] && messages[0].turn_ordinal > downTo) {
    const page = await rest.listMessages(sessionId, { limit, before: messages[0].turn_ordinal }, { signal });
    messages = [...page.messages, ...messages];
    hasMore = page.has_more && page.messages.length > 0;
  }
  return { messages, hasMore };
}

/** The page sizes to try, in this order, when reading backwards from the end of the message's turn. */
const PAGE_SIZES = [50, 1_000];

/** Finds one message by REST. @returns null when it is gone */
export async function findMessage(rest: Rest, message: ViewMessage, signal: AbortSignal): Promise<Message | null> {
  for (const limit of PAGE_SIZES) {
    const page = { limit, before: message.turn_ordinal + 1 };
    const { messages, has_more } = await rest.listMessages(message.session_id, page, { signal });
    const found = messages.find((one) => one.id === message.id);
    if (found || !has_more) return found ?? null;
  }
  return null;
}
