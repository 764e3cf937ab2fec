import { formatCursor, MAX_LIVE_TURNS, type Message, type MessageList, START, type Turn } from "@boocode/contracts";
import { readableMessage, readableSession } from "./access.ts";
import { fitMessage } from "./fit-messages.ts";
import { readCurrentTurn } from "./positions.ts";
import { readCut } from "./read-messages.ts";
import { type MessagePage, PAGE_BYTES, readMessagePage } from "./read-page.ts";
import { type Pool, type Sql, turnColumns } from "./sql.ts";
import { liveTurnsOfSession } from "./turn-status.ts";

/**
 * Reads messages in the order of the conversation, the live turns, and the cursor up to which both are complete, from one
 * database snapshot: a subscriber that follows the frames from that cursor neither misses nor repeats anything.
 * @param page see `planPage`
 * @returns null when the user may read no such session, or it has no such turn
 */
export async function listMessages(
  pool: Pool,
  userId: string,
  sessionId: string,
  page: MessagePage & { turnId?: string | undefined },
): Promise<MessageList | null> {
  return await pool.begin("isolation level repeatable read read only", async (sql) => {
    const [session] = await sql<{ version: number }[]>`
      select s.version from sessions s where s.id = ${sessionId} and ${readableSession(sql, userId)}
        ${page.turnId ? sql`and exists (select from turns t where t.id = ${page.turnId} and t.session_id = s.id)` : sql``}`;
    if (!session) return null;
    const turn = await readCurrentTurn(sql, sessionId);
    const ofTurn = page.turnId ? sql`and m.turn_id = ${page.turnId}` : sql``;
    const which = sql`m.session_id = ${sessionId} and ${readableMessage(sql, userId)} ${ofTurn}`;
    const { messages, ...end } = await readMessagePage(sql, which, page, { isOfOneTurn: page.turnId !== undefined });
    const live = await sql<Turn[]>`
      select ${turnColumns(sql)} from sessions s cross join ${liveTurnsOfSession(sql)} t
      where s.id = ${sessionId} and ${readableSession(sql, userId)}
      order by t.ordinal limit ${MAX_LIVE_TURNS}`;
    return {
      messages,
      cursor: formatCursor(turn ? { epoch: turn, seq: turn.last_seq } : START),
      version: session.version,
      live_turns: [...live],
      ...end,
    };
  });
}

/** Reads one message, whole unless it is longer than an answer can be. @returns null when the user may read no such message */
export async function findMessage(
  sql: Sql,
  userId: string,
  sessionId: string,
  messageId: string,
): Promise<Message | null> {
  const [found] = await sql<{ id: string }[]>`
    select m.id from messages m
    where m.id = ${messageId} and m.session_id = ${sessionId} and ${readableMessage(sql, userId)}`;
  if (!found) return null;
  const [most, id] = [PAGE_BYTES, found.id];
  const [message] = await readCut(sql, [{ id, content: most, reasoning: most, calls: most }]);
  return message ? fitMessage(message, most) : null;
}
