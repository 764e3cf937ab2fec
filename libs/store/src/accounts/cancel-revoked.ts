import { type CancelledTurns, cancelTurns, changesOfCancel, hintsOfCancel } from "../cancel-turns.ts";
import { type Change, recordSessionChanges } from "../changes.ts";
import type { Sql } from "../sql.ts";

/**
 * Cancels the live turns to which somebody lost the right, as `access_revoked`. It is called for an administrator, and so finds
 * the turns of every user.
 * @param which a condition on `turns t join sessions s`
 */
export async function cancelRevokedTurns(sql: Sql, which: ReturnType<Sql>): Promise<Change[]> {
  const sessions = await sql<{ id: string }[]>`
    select s.id from sessions s
    where s.id in (
      select t.session_id from turns t join sessions s on s.id = t.session_id
      where t.status in ('queued', 'running') and ${which})
    order by s.id for no key update`;
  if (sessions.length === 0) return [];
  const live = await sql<{ id: string; sessionId: string }[]>`
    select t.id, t.session_id as "sessionId" from turns t join sessions s on s.id = t.session_id
    where t.session_id = any(${sessions.map(({ id }) => id)}::uuid[]) and t.status in ('queued', 'running') and ${which}
    order by t.id for no key update of t`;
  const turnIds = live.map(({ id }) => id);
  const cancelled = await cancelTurns(sql, turnIds, "access_revoked");
  const sessionOf = new Map(live.map(({ id, sessionId }) => [id, sessionId]));
  const changes: Change[] = [];
  for (const { id: sessionId } of sessions) {
    const ofSession = (ids: string[]) => ids.filter((id) => sessionOf.get(id) === sessionId);
    const turns: CancelledTurns = {
      cancelling: ofSession(cancelled.cancelling),
      withdrawn: ofSession(cancelled.withdrawn),
    };
    if (turns.withdrawn.length === 0) changes.push(...hintsOfCancel(turns.cancelling));
    else {
      const ofTurns = changesOfCancel(turns, "access_revoked");
      changes.push(...(await recordSessionChanges(sql, { sessionId, touch: false }, ofTurns)).changes);
    }
  }
  return changes;
}
