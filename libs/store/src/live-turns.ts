import type { CancelAnswer, LiveTurnList } from "@boocode/contracts";
import { cancelTurns, changesOfCancel, hintsOfCancel } from "./cancel-turns.ts";
import { type Change, recordChanges, recordSessionChanges } from "./changes.ts";
import { turnColumns } from "./rows.ts";
import { lockSession } from "./sessions.ts";
import type { Pool, Sql } from "./sql.ts";

/** The turn that runs and those that wait, in the order in which they run. @returns null when there is no such session */
export async function listLiveTurns(sql: Sql, ownerId: string, sessionId: string): Promise<LiveTurnList | null> {
  const [session] = await sql`
    select id from sessions where id = ${sessionId} and owner_id = ${ownerId} and deleted_at is null`;
  if (!session) return null;
  const turns = await sql<LiveTurnList["turns"]>`
    select ${turnColumns(sql)},
      (select m.id from messages m where m.turn_id = t.id and m.role = 'user' and m.deleted_at is null) as message_id,
      case when t.status = 'queued'
        then count(*) filter (where t.status = 'queued') over (order by t.ordinal) end as place
    from turns t
    where t.session_id = ${sessionId} and t.owner_id = ${ownerId} and t.status in ('queued', 'running', 'cancelling')
    order by t.ordinal`;
  return { turns: [...turns] };
}

/** A cancel: the answer for the client, and what it changed. The end of a turn that was claimed is announced by its worker. */
export interface CancelOutcome {
  answer: CancelAnswer;
  changes: Change[];
}

/**
 * Cancels the turn that runs, else the first that waits; or the one that is named, and then no other. One compare-and-set
 * decides between this and the turn's own completion, and the answer says which it was.
 * @returns null when there is no such session of this owner, or no such turn in it
 */
export async function cancelTurn(
  pool: Pool,
  ownerId: string,
  sessionId: string,
  turnId?: string,
): Promise<CancelOutcome | null> {
  return await pool.begin(async (sql) => {
    if (!(await lockSession(sql, ownerId, sessionId))) return null;
    const [turn] = await sql<{ id: string }[]>`
      select id from turns where session_id = ${sessionId}
        and ${turnId ? sql`id = ${turnId}` : sql`status in ('queued', 'running', 'cancelling')`}
      order by (status = 'queued'), ordinal limit 1`;
    if (turnId && !turn) return null;
    return await cancelOne(sql, { ownerId, sessionId }, turn?.id ?? null);
  });
}

/** Withdraws one waiting turn. @returns null when there is no such turn; its status is not `cancelled` when it was taken */
export async function withdrawTurn(
  pool: Pool,
  ownerId: string,
  sessionId: string,
  turnId: string,
): Promise<CancelOutcome | null> {
  return await pool.begin(async (sql) => {
    if (!(await lockSession(sql, ownerId, sessionId))) return null;
    const [turn] = await sql<{ id: string; status: string }[]>`
      select id, status from turns where id = ${turnId} and session_id = ${sessionId} for no key update`;
    if (!turn) return null;
    if (turn.status !== "queued") {
      return { answer: { turn_id: turn.id, status: turn.status as CancelAnswer["status"] }, changes: [] };
    }
    return await cancelOne(sql, { ownerId, sessionId }, turnId);
  });
}

async function cancelOne(
  sql: Sql,
  session: { ownerId: string; sessionId: string },
  turnId: string | null,
): Promise<CancelOutcome> {
  const cancelled = await cancelTurns(sql, session.ownerId, turnId ? [turnId] : [], "user");
  const [turn] = await sql<{ turn_id: string; status: CancelAnswer["status"] }[]>`
    select id as turn_id, status from turns
    where session_id = ${session.sessionId} ${turnId ? sql`and id = ${turnId}` : sql`and attempt > 0`}
    order by ordinal desc limit 1`;
  const answer = turn ?? { turn_id: null, status: null };
  if (cancelled.withdrawn.length === 0) {
    return { answer, changes: await recordChanges(sql, session.ownerId, hintsOfCancel(cancelled.cancelling)) };
  }
  const { changes } = await recordSessionChanges(sql, session, changesOfCancel(cancelled, "user"));
  return { answer, changes };
}
