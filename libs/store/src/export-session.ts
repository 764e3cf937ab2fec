import type { Message, MessagePlace, Session } from "@boocode/contracts";
import { readableMessage } from "./access.ts";
import type { MessageSize } from "./plan-page.ts";
import { readCut, readSizes } from "./read-messages.ts";
import { findSession } from "./sessions.ts";
import type { Pool } from "./sql.ts";

/** How much is read at once: messages, and about so many bytes of them, or one message. */
const PAGE = { messages: 200, bytes: 1_000_000 };
/** The size of calls and citations is known as they are stored: compressed. */
const COMPRESSED = 20;
const WHOLE = Number.MAX_SAFE_INTEGER;

export interface SessionExport {
  session: Session;
  /**
   * The messages, whole and in the order of the conversation, in pages. No transaction is open between two pages, so that a slow
   * reader holds nothing; what changes meanwhile may be in them or not. Throws when the session can no longer be read.
   */
  pages: AsyncGenerator<Message[], void>;
}

/** @returns null when the user may read no such session */
export async function openSessionExport(pool: Pool, userId: string, sessionId: string): Promise<SessionExport | null> {
  const session = await findSession(pool, userId, sessionId);
  return session && { session, pages: readPages(pool, userId, sessionId) };
}

async function* readPages(pool: Pool, userId: string, sessionId: string): AsyncGenerator<Message[], void> {
  let after: MessagePlace = { turn_ordinal: 0, position: 0 };
  for (;;) {
    const page = await readPage(pool, userId, sessionId, after);
    if (page === null) throw new Error("the session can no longer be read");
    const last = page.at(-1);
    if (!last) return;
    yield page;
    after = last;
  }
}

async function readPage(
  pool: Pool,
  userId: string,
  sessionId: string,
  { turn_ordinal, position }: MessagePlace,
): Promise<Message[] | null> {
  return await pool.begin("isolation level repeatable read read only", async (sql) => {
    if (!(await findSession(sql, userId, sessionId))) return null;
    const sizes = await readSizes(
      sql,
      sql`messages m where m.session_id = ${sessionId} and ${readableMessage(sql, userId)}
        and (m.turn_ordinal, m.position) > (${turn_ordinal}::int, ${position}::int)
      order by m.turn_ordinal, m.position limit ${PAGE.messages}`,
    );
    const cuts = fitting(sizes).map(({ id }) => ({ id, content: WHOLE, reasoning: WHOLE, calls: WHOLE }));
    return await readCut(sql, cuts);
  });
}

/** The first of the messages that fit into a page, and at least one. */
function fitting(sizes: readonly MessageSize[]): readonly MessageSize[] {
  let left = PAGE.bytes;
  const end = sizes.findIndex(({ content, reasoning, calls }) => {
    left -= content + reasoning + COMPRESSED * calls;
    return left < 0;
  });
  return end === -1 ? sizes : sizes.slice(0, Math.max(1, end));
}
