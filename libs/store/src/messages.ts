import { formatCursor, type Message, type MessageList, START } from "@boocode/contracts";
import { readCurrentTurn } from "./positions.ts";
import { messageColumns } from "./rows.ts";
import type { Pool } from "./sql.ts";

/**
 * Messages in the order of the conversation, and the cursor up to which their text is complete, both from one snapshot
 * of the database: following the frames from that cursor misses nothing and doubles nothing.
 * @param page the newest `limit` messages, of turns before the ordinal `before` where that is given
 * @returns null when there is no such session of this owner
 */
export async function listMessages(
  pool: Pool,
  ownerId: string,
  sessionId: string,
  page: { limit: number; before?: number | undefined },
): Promise<MessageList | null> {
  return await pool.begin("isolation level repeatable read read only", async (sql) => {
    const [session] = await sql<{ version: number }[]>`
      select version from sessions where id = ${sessionId} and owner_id = ${ownerId} and deleted_at is null`;
    if (!session) return null;
    const turn = await readCurrentTurn(sql, sessionId);
    const rows = await sql<Message[]>`
      select ${messageColumns(sql)} from messages m
      where m.session_id = ${sessionId} and m.owner_id = ${ownerId} and m.deleted_at is null
        ${page.before === undefined ? sql`` : sql`and m.turn_ordinal < ${page.before}`}
      order by m.turn_ordinal desc, m.position desc
      limit ${page.limit + 1}`;
    return {
      messages: wholeTurns(rows, page.limit),
      cursor: formatCursor(turn ? { epoch: turn, seq: turn.last_seq } : START),
      version: session.version,
      has_more: rows.length > page.limit,
    };
  });
}

/** A page begins with a turn's first message, unless that one turn fills the page: paging goes by turns. */
function wholeTurns(newestFirst: Message[], limit: number): Message[] {
  if (newestFirst.length <= limit) return [...newestFirst].reverse();
  const cut = newestFirst[limit]?.turn_ordinal;
  const page = newestFirst.slice(0, limit);
  const whole = page.filter((message) => message.turn_ordinal !== cut);
  return (whole.length > 0 ? whole : page).reverse();
}
