import type { Message, MessageList, WaitingTurnList } from "@boocode/contracts";
import { parseCursor } from "@boocode/contracts/position";
import type { LoadedSession } from "./merge-loaded.ts";
import type { Rest } from "./rest.ts";

export interface LoadOptions {
  /** Load older pages until the first message is of this turn or an older one. */
  downTo: number;
  pageSize: number;
  signal: AbortSignal;
}

/** A turn that begins, runs and ends between two reads is rare; so many in a row are not a race any more. */
const MAX_ROUNDS = 5;

/**
 * Loads a session by REST. Messages and turns are read one after the other, so that a turn may have ended between: then the
 * messages are read again, and what is shown of a turn that has ended is all of it.
 * @throws BooCodeError
 */
export async function loadSession(rest: Rest, sessionId: string, options: LoadOptions): Promise<LoadedSession> {
  const { signal, pageSize: limit } = options;
  const readMessages = () => rest.listMessages(sessionId, { limit }, { signal });
  let newest = await readMessages();
  for (let round = 1; ; round += 1) {
    const [liveTurns, session] = await Promise.all([
      rest.listTurns(sessionId, { signal }),
      rest.getSession(sessionId, { signal }),
    ]);
    let settled = round === MAX_ROUNDS || !endedBetween(newest, liveTurns);
    if (!settled) {
      const again = await readMessages();
      // Still the same turn, read after it had ended: nothing more comes of it.
      settled = ordinalOf(again) === ordinalOf(newest);
      newest = again;
    }
    if (!settled) continue;
    const older = await loadOlderPages(rest, sessionId, newest, options);
    return { session, liveTurns, cursor: newest.cursor, version: newest.version, ...older };
  }
}

const ordinalOf = (list: MessageList) => parseCursor(list.cursor)?.epoch.ordinal ?? 0;

/** Whether the turn that the cursor is in was live for the messages and is not for the list of turns. */
function endedBetween(list: MessageList, live: WaitingTurnList["turns"]): boolean {
  const ordinal = ordinalOf(list);
  if (ordinal === 0 || live.some((turn) => turn.ordinal === ordinal)) return false;
  const last = list.messages.findLast((message) => message.turn_ordinal === ordinal);
  const answered = last?.role === "assistant" && last.status !== "streaming" && !last.tool_calls?.length;
  return !answered;
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
