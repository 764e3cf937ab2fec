import { type CancelledTurns, cancelTurns, changesOfCancel, hintsOfCancel } from "../cancel-turns.ts";
import { type Change, recordSessionChanges } from "../changes.ts";
import type { Sql } from "../sql.ts";

/**
 * Cancels the live turns to which somebody lost the right, as `access_revoked`. It is called for an administrator, and so finds
 * the turns of every user.
 * @param which a condition on `turns t join sessions s`
 */
export async function cancelRevokedTurns(sql: Sql, which: ReturnType<Sql>): Promise<Change[]> {
  const live = sql`turns t join sessions s on s.id = t.session_id where t.status in ('queued', 'running') and ${which}`;
  const sessions = await sql<{ id: string }[]>`
    select s.id from sessions s where s.id in (select t.session_id from ${live}) order by s.id for no key update`;
  if (sessions.length === 0) return [];
  const turns = await sql<{ id: string }[]>`
    select t.id from ${live} and s.id = any(${sessions.map(({ id }) => id)}::uuid[]) order by t.id for no key update of t`;
  const ids = turns.map(({ id }) => id);
  return await recordRevoked(sql, await cancelTurns(sql, ids, "access_revoked"));
}

/** Records the turns that were withdrawn, in each session that is not deleted. The caller holds the locks of the sessions. */
export async function recordRevoked(sql: Sql, { cancelling, withdrawn }: CancelledTurns): Promise<Change[]> {
  const changes: Change[] = hintsOfCancel(cancelling);
  if (withdrawn.length === 0) return changes;
  // By project, because recording locks it.
  const rows = await sql<{ sessionId: string; turnIds: string[] }[]>`
    select s.id as "sessionId", to_jsonb(array_agg(t.id order by t.ordinal)) as "turnIds"
    from turns t join sessions s on s.id = t.session_id
    where t.id = any(${withdrawn}::uuid[]) and s.deleted_at is null group by s.id order by s.project_id, s.id`;
  for (const { sessionId, turnIds } of rows) {
    const frames = changesOfCancel({ cancelling: [], withdrawn: turnIds }, "access_revoked");
    changes.push(...(await recordSessionChanges(sql, { sessionId, touch: false }, frames)).changes);
  }
  return changes;
}
