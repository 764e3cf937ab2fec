import type { Message, MessageList } from "@boocode/contracts";
import type { LoadedSession } from "../fold/merge-loaded.ts";
import { isBefore, type Place } from "../fold/order-messages.ts";
import type { Page, Rest } from "../rest/create-rest.ts";

export interface LoadOptions {
  /** Load older pages until the first message is at this place or before it; null: only the newest page. */
  downTo: Place | null;
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
  let before = placeBefore(newest);
  while (hasMore && before && downTo && messages[0] && isBefore(downTo, messages[0])) {
    const page = await rest.listMessages(sessionId, { limit, before }, { signal });
    before = placeBefore(page);
    messages = [...page.messages, ...messages];
    hasMore = page.has_more && page.messages.length > 0;
  }
  return { messages, hasMore };
}

/** The `before` of the next older page. A server of an earlier version states none: its pages begin at a turn. */
function placeBefore({ next_before, messages }: MessageList): Page["before"] {
  return next_before ?? messages[0]?.turn_ordinal;
}
