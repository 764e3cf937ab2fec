import type { SharedSession } from "@boocode/contracts";
import { liveShare, readableSession } from "../access.ts";
import { type MessagePage, readMessagePage } from "../read-page.ts";
import { type Pool, userRef } from "../sql.ts";
import { toSharedMessage } from "./to-shared-message.ts";

interface Found {
  sessionId: string;
  throughTurn: number;
  expiresAt: string;
  name: string | null;
  owner: string;
  mayReadProject: boolean;
}

/**
 * Reads a page of a share, from one database snapshot.
 * @param reader the id of the user who reads; null: a person without a sign-in, to whom only shares with anyone are shown
 * @returns null for a token that is unknown, revoked or expired, or whose share ended with its session or with the access of its user
 */
export async function readShare(
  pool: Pool,
  reader: string | null,
  tokenHash: Buffer,
  page: MessagePage,
): Promise<SharedSession | null> {
  return await pool.begin("isolation level repeatable read read only", async (sql) => {
    const [share] = await sql<Found[]>`
      select h.session_id as "sessionId", h.through_turn as "throughTurn", h.expires_at as "expiresAt", s.name,
        ${userRef(sql, sql`h.user_id`)}->>'name' as owner,
        ${reader === null ? sql`false` : readableSession(sql, reader)} as "mayReadProject"
      from shares h join sessions s on s.id = h.session_id
      where h.token_hash = ${tokenHash} and ${liveShare(sql)} ${reader === null ? sql`and h.audience = 'anyone'` : sql``}`;
    if (!share) return null;
    const { sessionId, throughTurn, mayReadProject } = share;
    // What tools read of the project is for those who may read it.
    const which = sql`m.session_id = ${sessionId} and m.turn_ordinal <= ${throughTurn} and m.deleted_at is null
      ${mayReadProject ? sql`` : sql`and m.role <> 'tool'`}`;
    const { messages, ...end } = await readMessagePage(sql, which, page);
    return {
      name: share.name,
      owner: reader === null ? null : share.owner,
      session_id: mayReadProject ? sessionId : null,
      expires_at: share.expiresAt,
      messages: messages.map((message) => toSharedMessage(message, { mayReadProject, isSignedIn: reader !== null })),
      ...end,
    };
  });
}
