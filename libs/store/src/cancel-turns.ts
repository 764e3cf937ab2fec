import type { CancelAnswer, CancelReason } from "@boocode/contracts";
import { askedBy, demand, lockSession } from "./access.ts";
import { type Change, type Hint, recordSessionChanges, type Structure } from "./changes.ts";
import type { Pool, Sql } from "./sql.ts";
import { liveTurnsOfSession, statusByKey } from "./turn-status.ts";

/** The result of a cancel. Its changes do not include the end of a claimed turn: the turn's worker announces that. */
export interface CancelOutcome {
  answer: CancelAnswer;
  changes: Change[];
}

/**
 * Cancels the turn with the given id; without an id, the running turn or else the first waiting one. A compare-and-set decides
 * between the cancel and the turn's completion; the answer contains the result.
 * @returns null when the user may read no such session, or the session has no such turn
 * @throws Forbidden
 */
export async function cancelTurn(
  pool: Pool,
  userId: string,
  sessionId: string,
  turnId?: string,
): Promise<CancelOutcome | null> {
  return await pool.begin(async (sql) => {
    const session = await lockSession(sql, userId, sessionId);
    if (!session) return null;
    const [turn] = await sql<{ id: string; owner_id: string }[]>`
      select t.id, t.owner_id
      from ${
        turnId
          ? sql`turns t where t.id = ${turnId} and t.session_id = ${sessionId}`
          : sql`sessions s cross join ${liveTurnsOfSession(sql)} t where s.id = ${sessionId}`
      }
      order by (t.status = 'queued'), t.ordinal limit 1`;
    if (turnId && !turn) return null;
    demand(session.role, "cancel turn", (turn?.owner_id ?? userId) === userId);
    return await cancelOne(sql, sessionId, turn?.id ?? null);
  });
}

/**
 * Cancels one waiting turn.
 * @returns null when the user may read no such turn; no changes when it is no longer waiting
 * @throws Forbidden
 */
export async function withdrawTurn(
  pool: Pool,
  userId: string,
  sessionId: string,
  turnId: string,
): Promise<CancelOutcome | null> {
  return await pool.begin(async (sql) => {
    const session = await lockSession(sql, userId, sessionId);
    if (!session) return null;
    const [turn] = await sql<{ id: string; owner_id: string; status: string }[]>`
      select id, owner_id, status from turns where id = ${turnId} and session_id = ${sessionId} for no key update`;
    if (!turn) return null;
    demand(session.role, "cancel turn", turn.owner_id === userId);
    if (turn.status !== "queued") {
      return { answer: { turn_id: turn.id, status: turn.status as CancelAnswer["status"] }, changes: [] };
    }
    return await cancelOne(sql, sessionId, turnId);
  });
}

async function cancelOne(sql: Sql, sessionId: string, turnId: string | null): Promise<CancelOutcome> {
  const cancelled = await cancelTurns(sql, turnId ? [turnId] : [], "user");
  const [turn] = await sql<{ turn_id: string; status: CancelAnswer["status"] }[]>`
    select id as turn_id, status from turns
    where session_id = ${sessionId} ${turnId ? sql`and id = ${turnId}` : sql`and attempt > 0`}
    order by ordinal desc limit 1`;
  const answer = turn ?? { turn_id: null, status: null };
  if (cancelled.withdrawn.length === 0) return { answer, changes: hintsOfCancel(cancelled.cancelling) };
  const { changes } = await recordSessionChanges(sql, { sessionId }, changesOfCancel(cancelled, "user"));
  return { answer, changes };
}

export interface CancelledTurns {
  /** Turns that a worker has claimed at least once: their worker or a reconciler ends them. */
  cancelling: string[];
  /** Turns that no worker had claimed: they have ended. */
  withdrawn: string[];
}

/**
 * Cancels the live turns of sessions whose rows the caller has locked. A turn that was never claimed ends at once. A claimed
 * turn becomes `cancelling`; the compare-and-set on `running` decides between the cancel and the turn's completion.
 */
export async function cancelTurnsOfSessions(
  sql: Sql,
  cancel: {
    sessionIds: string[];
    reason: CancelReason;
    /** Only the turns for which this user asked. */
    askerId?: string;
    /** Turns from this ordinal on are cancelled; all turns when it is absent. */
    fromOrdinal?: number;
  },
): Promise<CancelledTurns> {
  if (cancel.sessionIds.length === 0) return { cancelling: [], withdrawn: [] };
  const live = await sql<{ id: string }[]>`
    select t.id from turns t
    where t.id in (select l.id from sessions s cross join ${liveTurnsOfSession(sql)} l where s.id = any(${cancel.sessionIds}::uuid[]))
      ${cancel.askerId ? sql`and ${askedBy(sql, cancel.askerId)}` : sql``}
      and t.ordinal >= ${cancel.fromOrdinal ?? 0} and ${statusByKey(sql, sql`t`)} in ('queued', 'running')
    order by t.id for no key update`;
  return await cancelTurns(
    sql,
    live.map((turn) => turn.id),
    cancel.reason,
  );
}

/** The changes of a cancel: a hint per turn that a worker may hold, a structural change per withdrawn turn. */
export function changesOfCancel({ cancelling, withdrawn }: CancelledTurns, reason: CancelReason): (Structure | Hint)[] {
  return [
    ...hintsOfCancel(cancelling),
    ...withdrawn.map(
      (turnId): Structure => ({
        kind: "structure",
        frame: { type: "turn_withdrawn", turn_id: turnId, reason },
      }),
    ),
  ];
}

export const hintsOfCancel = (cancelling: string[]): Hint[] =>
  cancelling.map((turnId) => ({ kind: "turn_cancelling", turnId }));

/** Cancels those turns that are queued or running. The caller holds the locks of their sessions, and has checked the right. */
export async function cancelTurns(sql: Sql, turnIds: string[], reason: CancelReason): Promise<CancelledTurns> {
  if (turnIds.length === 0) return { cancelling: [], withdrawn: [] };
  const rows = await sql<{ id: string; status: string }[]>`
    select id, status from cancel_turns_1(${turnIds}::uuid[], ${reason})`;
  const withStatus = (status: string) => rows.filter((row) => row.status === status).map((row) => row.id);
  return { cancelling: withStatus("cancelling"), withdrawn: withStatus("cancelled") };
}
