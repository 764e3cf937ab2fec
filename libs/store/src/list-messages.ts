import {
  formatCursor,
  MAX_ANSWER_BYTES,
  MAX_LIVE_TURNS,
  type Message,
  type MessageList,
  type MessagePlace,
  START,
  type Turn,
} from "@boocode/contracts";
import { readableMessage, readableSession } from "./access.ts";
import { fitMessage, fitNewest } from "./fit-messages.ts";
import { planPage } from "./plan-page.ts";
import { readCurrentTurn } from "./positions.ts";
import { readCut, readSizes } from "./read-messages.ts";
import { type Pool, type Sql, turnColumns } from "./sql.ts";
import { liveTurnsOfSession } from "./turn-status.ts";

/** For the messages of a page; the rest is for the live turns. */
const PAGE_BYTES = MAX_ANSWER_BYTES - 1_500_000;
/** More messages do not fit into an answer. */
const MOST_MESSAGES = 10_000;

interface MessagePage {
  limit: number;
  /** Only messages before this place. */
  before?: MessagePlace | undefined;
  /** Only messages of this turn. */
  turnId?: string | undefined;
}

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
  page: MessagePage,
): Promise<MessageList | null> {
  return await pool.begin("isolation level repeatable read read only", async (sql) => {
    const [session] = await sql<{ version: number }[]>`
      select s.version from sessions s where s.id = ${sessionId} and ${readableSession(sql, userId)}
        ${page.turnId ? sql`and exists (select from turns t where t.id = ${page.turnId} and t.session_id = s.id)` : sql``}`;
    if (!session) return null;
    const turn = await readCurrentTurn(sql, sessionId);
    const { messages, hasMore } = await readPage(sql, userId, sessionId, page);
    const live = await sql<Turn[]>`
      select ${turnColumns(sql)} from sessions s cross join ${liveTurnsOfSession(sql)} t
      where s.id = ${sessionId} and ${readableSession(sql, userId)}
      order by t.ordinal limit ${MAX_LIVE_TURNS}`;
    const [first] = messages;
    return {
      messages,
      cursor: formatCursor(turn ? { epoch: turn, seq: turn.last_seq } : START),
      version: session.version,
      live_turns: [...live],
      has_more: hasMore,
      next_before: first && hasMore ? `${first.turn_ordinal}.${first.position}` : null,
    };
  });
}

async function readPage(
  sql: Sql,
  userId: string,
  sessionId: string,
  { limit, before, turnId }: MessagePage,
): Promise<{ messages: Message[]; hasMore: boolean }> {
  const sizesUpTo = (most: number) =>
    readSizes(
      sql,
      sql`messages m where m.session_id = ${sessionId} and ${readableMessage(sql, userId)}
        ${turnId ? sql`and m.turn_id = ${turnId}` : sql``}
        ${before ? sql`and (m.turn_ordinal, m.position) < (${before.turn_ordinal}::int, ${before.position}::int)` : sql``}
      order by m.turn_ordinal desc, m.position desc limit ${most}`,
    );
  let sizes = await sizesUpTo(limit + 1);
  const isOneTurn = sizes.length > limit && sizes.at(-1)?.turn_ordinal === sizes[0]?.turn_ordinal;
  if (isOneTurn && !turnId) sizes = await sizesUpTo(MOST_MESSAGES);
  const cuts = planPage(turnId ? sizes.slice(0, limit) : sizes, limit, PAGE_BYTES);
  const messages = fitNewest(await readCut(sql, cuts), PAGE_BYTES);
  return { messages, hasMore: sizes.length > messages.length };
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
