import { cancelTurns, changesOfCancel, hintsOfCancel } from "../cancel-turns.ts";
import { type Change, recordSessionChanges } from "../changes.ts";
import type { Sql } from "../sql.ts";

/**
 * Cancels the live turns to which somebody lost the right, as `access_revoked`. It is called for an administrator, and so finds
 * the turns of every user.
 * @param which a condition on `turns t join sessions s`
 */
export async function cancelRevokedTurns(sql: Sql, which: ReturnType<Sql>): Promise<Change[]> {
  const live = sql`turns t join sessions s on s.id = t.session_id where t.status in ('queued', 'running') and ${which}`;
  const sessions = await sql<{ id: string; isDeleted: boolean }[]>`
    select s.id, s.deleted_at is not null as "isDeleted" from sessions s
    where s.id in (select t.session_id from ${live}) order by s.id for no key update`;
  if (sessions.length === 0) return [];
  const turns = await sql<{ id: string; sessionId: string }[]>`
    select t.id, t.session_id as "sessionId" from ${live} and s.id = any(${sessions.map(({ id }) => id)}::uuid[])
    order by t.id for no key update of t`;
  const ids = turns.map(({ id }) => id);
  const { cancelling, withdrawn } = await cancelTurns(sql, ids, "access_revoked");
  const changes: Change[] = hintsOfCancel(cancelling);
  // By the users whose lists change, because recording locks them.
  const toRecord = await sql<{ id: string }[]>`
    select s.id from sessions s join projects p on p.id = s.project_id
    where s.id = any(${sessions.filter(({ isDeleted }) => !isDeleted).map(({ id }) => id)}::uuid[])
    order by p.owner_id, s.id`;
  for (const { id: sessionId } of toRecord) {
    const ofSession = turns.filter((turn) => turn.sessionId === sessionId && withdrawn.includes(turn.id));
    if (ofSession.length === 0) continue;
    const frames = changesOfCancel({ cancelling: [], withdrawn: ofSession.map(({ id }) => id) }, "access_revoked");
    changes.push(...(await recordSessionChanges(sql, { sessionId, touch: false }, frames)).changes);
  }
  return changes;
}
