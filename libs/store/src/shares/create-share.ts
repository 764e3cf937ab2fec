import type { Share, ShareAudience } from "@boocode/contracts";
import { demand, lockSession } from "../access.ts";
import { enabledUser } from "../accounts/credential.ts";
import { recordAudit } from "../audit.ts";
import { findPart } from "../forks/copy-turns.ts";
import { lockLimits, QuotaExceeded } from "../limits.ts";
import { only, type Pool } from "../sql.ts";
import { shareColumns, shareCount } from "./list-shares.ts";

export interface NewShare {
  id: string;
  sessionId: string;
  tokenHash: Buffer;
  turn_id: string;
  audience: ShareAudience;
  /** In seconds. */
  expiresIn: number;
  /** The user's limit of live shares; null, or absent: none. */
  most?: number | null;
}

/**
 * Shares a session up to a turn that has ended. Later turns never appear in the share, and what is deleted of these disappears.
 * @returns null when the user may read no such session, or it has no such turn
 * @throws Forbidden, QuotaExceeded
 */
export async function createShare(
  pool: Pool,
  caller: { userId: string; tokenId: string | null },
  { id, sessionId, tokenHash, turn_id, audience, expiresIn, most = null }: NewShare,
): Promise<Share | "turn_not_finished" | null> {
  const { userId } = caller;
  return await pool.begin(async (sql) => {
    const session = await lockSession(sql, userId, sessionId);
    if (!session) return null;
    demand(session.role, "share session", session.ownerId === userId);
    const part = await findPart(sql, sessionId, turn_id);
    if (!part) return null;
    if (part.isLive) return "turn_not_finished";
    if (most !== null) {
      await lockLimits(sql, userId);
      const { used } = only(await sql<{ used: number }[]>`select ${shareCount(sql, userId)} as used`);
      if (used >= most) throw new QuotaExceeded({ limit: "shares", most, used });
    }
    // Locked, so that a user who is disabled meanwhile leaves no share: the trigger then finds this one.
    const [enabled] = await sql`select from users u where u.id = ${userId} and ${enabledUser(sql)} for share`;
    if (!enabled) return null;
    const share = only(
      await sql<Share[]>`
        insert into shares as h (id, session_id, user_id, token_hash, through_turn, audience, expires_at)
        values (${id}, ${sessionId}, ${userId}, ${tokenHash}, ${part.ordinal}, ${audience}, now() + make_interval(secs => ${expiresIn}))
        returning ${shareColumns(sql)}`,
    );
    const detail = { share_id: id, session_id: sessionId, audience, expires_at: share.expires_at };
    await recordAudit(sql, { event: "share.created", actor: caller, userId, projectId: session.projectId, detail });
    return share;
  });
}

/**
 * Revokes a share for good: one's own, or as the owner of the project any of its sessions'.
 * @returns false when the session, as far as the user may read it, has no such live share
 * @throws Forbidden
 */
export async function revokeShare(
  pool: Pool,
  caller: { userId: string; tokenId: string | null },
  sessionId: string,
  shareId: string,
): Promise<boolean> {
  const { userId } = caller;
  return await pool.begin(async (sql) => {
    const session = await lockSession(sql, userId, sessionId);
    if (!session) return false;
    const [share] = await sql<{ user_id: string }[]>`
      select user_id from shares where id = ${shareId} and session_id = ${sessionId} and revoked_at is null for update`;
    if (!share) return false;
    if (share.user_id !== userId) demand(session.role, "share session", false);
    await sql`update shares set revoked_at = now() where id = ${shareId}`;
    const detail = { share_id: shareId, session_id: sessionId };
    const about = { userId: share.user_id, projectId: session.projectId, detail };
    await recordAudit(sql, { event: "share.revoked", actor: caller, ...about });
    return true;
  });
}
