import type { Share } from "@boocode/contracts";
import { liveShare, roleInSession, sharedBy } from "../access.ts";
import { rolesWith } from "../sharing/rights.ts";
import { type Sql, userRef } from "../sql.ts";

/** The columns of `shares h` in the shape of the contract's Share. */
export const shareColumns = (sql: Sql) => sql`
  h.id, h.session_id, ${userRef(sql, sql`h.user_id`)} as owner, h.through_turn, h.audience, h.created_at, h.expires_at`;

/** The number of a user's live shares. */
export const shareCount = (sql: Sql, userId: string) => sql`
  (select count(*) from shares h where ${sharedBy(sql, userId)} and ${liveShare(sql)})`;

/** Lists all live shares of a user, newest first. The limit of shares keeps them few. */
export async function listOwnShares(sql: Sql, userId: string): Promise<Share[]> {
  return await sql<Share[]>`
    select ${shareColumns(sql)} from shares h where ${sharedBy(sql, userId)} and ${liveShare(sql)}
    order by h.created_at desc, h.id limit ${MOST_LISTED}`;
}

/** Lists the live shares of a session, newest first: the user's own; as the project's owner, all. @returns null: see `findSession` */
export async function listShares(sql: Sql, userId: string, sessionId: string): Promise<Share[] | null> {
  const [seen] = await sql<{ role: string | null }[]>`select ${roleInSession(sql, userId, sessionId)} as role`;
  if (!seen?.role) return null;
  const ofAll = (rolesWith("share session", false) as string[]).includes(seen.role);
  return await sql<Share[]>`
    select ${shareColumns(sql)} from shares h
    where h.session_id = ${sessionId} and ${liveShare(sql)} ${ofAll ? sql`` : sql`and ${sharedBy(sql, userId)}`}
    order by h.created_at desc, h.id limit ${MOST_LISTED}`;
}

/** Keeps an answer within its size without a limit of shares. */
const MOST_LISTED = 2_000;
