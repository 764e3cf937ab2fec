import { formatCursor, type Message, type MessageList, START, type Turn } from "@boocode/contracts";
import { lockSession, ownedMessage, ownedSession, ownedTurn } from "./access.ts";
import { cancelTurnsOfSessions, changesOfCancel } from "./cancel-turns.ts";
import { type Change, recordSessionChanges } from "./changes.ts";
import { readCurrentTurn } from "./positions.ts";
import { messageColumns, type Pool, type Sql, turnColumns } from "./sql.ts";

/**
 * Reads messages in the order of the conversation, the live turns, and the cursor up to which both are complete, from one
 * database snapshot: a subscriber that follows the frames from that cursor neither misses nor repeats anything.
 * @param page the newest `limit` messages, optionally only of turns below the ordinal `before`. A page consists of whole turns,
 * so that the next page misses nothing, and has at least one turn, even if that is longer than the limit.
 * @returns null when this owner has no such session
 */
export async function listMessages(
  pool: Pool,
  ownerId: string,
  sessionId: string,
  page: { limit: number; before?: number | undefined },
): Promise<MessageList | null> {
  return await pool.begin("isolation level repeatable read read only", async (sql) => {
    const [session] = await sql<{ version: number }[]>`
      select s.version from sessions s where s.id = ${sessionId} and ${ownedSession(sql, ownerId)}`;
    if (!session) return null;
    const turn = await readCurrentTurn(sql, sessionId);
    const messages = sql`
      messages m where m.session_id = ${sessionId} and ${ownedMessage(sql, ownerId)}
        ${page.before === undefined ? sql`` : sql`and m.turn_ordinal < ${page.before}`}`;
    // The newest turn that does not fit as a whole is left out, with all older ones, unless it is the newest of all.
    const [cut] = await sql<[{ newest: number | null; unfit: number | null }]>`
      select max(turn_ordinal) as newest, max(turn_ordinal) filter (where n > ${page.limit}) as unfit from (
        select m.turn_ordinal, row_number() over (order by m.turn_ordinal desc, m.position desc) as n
        from ${messages} order by m.turn_ordinal desc, m.position desc limit ${page.limit + 1}) page`;
    const first = cut.unfit === null ? 1 : Math.min(cut.unfit + 1, cut.newest ?? 1);
    const rows = await sql<Message[]>`
      select ${messageColumns(sql)} from ${messages} and m.turn_ordinal >= ${first}
      order by m.turn_ordinal, m.position`;
    const live = await sql<Turn[]>`
      select ${turnColumns(sql)} from turns t
      where t.session_id = ${sessionId} and ${ownedTurn(sql, ownerId)} and t.status in ('queued', 'running', 'cancelling')
      order by t.ordinal`;
    const older = await sql`select from ${messages} and m.turn_ordinal < ${first} limit 1`;
    return {
      messages: [...rows],
      cursor: formatCursor(turn ? { epoch: turn, seq: turn.last_seq } : START),
      version: session.version,
      live_turns: [...live],
      has_more: older.length > 0,
    };
  });
}

/**
 * Deletes a message and all later ones, and cancels the turns that would write after it, in one transaction (T11).
 * @returns null when this owner has no such message
 */
export async function deleteMessagesFrom(
  pool: Pool,
  ownerId: string,
  sessionId: string,
  messageId: string,
): Promise<{ deleted: string[]; version: number; changes: Change[] } | null> {
  return await pool.begin(async (sql) => {
    if (!(await lockSession(sql, ownerId, sessionId))) return null;
    const [first] = await sql<{ turn_ordinal: number; position: number }[]>`
      select m.turn_ordinal, m.position from messages m
      where m.id = ${messageId} and m.session_id = ${sessionId} and ${ownedMessage(sql, ownerId)}`;
    if (!first) return null;
    const cancelled = await cancelTurnsOfSessions(sql, {
      ownerId,
      sessionIds: [sessionId],
      reason: "messages_deleted",
      fromOrdinal: first.turn_ordinal,
    });
    const deleted = await markDeleted(sql, sessionId, first);
    const { session, changes } = await recordSessionChanges(sql, { ownerId, sessionId }, [
      ...changesOfCancel(cancelled, "messages_deleted"),
      { kind: "structure", frame: { type: "messages_deleted", message_ids: deleted } },
    ]);
    return { deleted, version: session.version, changes };
  });
}

/** Deletes the messages of a session from a position on. @returns their ids */
export async function markDeleted(
  sql: Sql,
  sessionId: string,
  from: { turn_ordinal: number; position: number },
): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    update messages set deleted_at = now()
    where session_id = ${sessionId} and deleted_at is null
      and (turn_ordinal, position) >= (${from.turn_ordinal}::int, ${from.position}::int)
    returning id`;
  return rows.map((row) => row.id);
}
