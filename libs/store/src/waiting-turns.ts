import type { TurnWait } from "@boocode/contracts";
import { fairQueue, isPausing } from "./fair-queue.ts";
import type { Sql } from "./sql.ts";
import { liveTurnsOfSession } from "./turn-status.ts";

/** A queued turn, and what it waits for. */
export interface WaitingTurn extends TurnWait {
  turn_id: string;
  session_id: string;
}

/**
 * Reads what the queued turns of several sessions wait for, in one statement, which passes once over all live turns. Left out
 * are turns that pause before another attempt: their last frame said so. The caller has checked who may read the sessions.
 * @param most the limit of turns of each session, the next ones first
 */
export async function readWaitingTurns(sql: Sql, sessionIds: readonly string[], most: number): Promise<WaitingTurn[]> {
  return await sql<WaitingTurn[]>`
    select t.id as turn_id, t.session_id, case when q.id is null then 'session' else 'worker' end as reason,
      coalesce(q.ahead, t.before)::int as ahead
    from (
      select l.id, l.session_id, l.ordinal, l.status, l.attempt, l.due_at,
        row_number() over (partition by l.session_id order by l.ordinal) - 1 as before
      from sessions s cross join ${liveTurnsOfSession(sql)} l where s.id = any(${sessionIds}::uuid[])
    ) t left join (
      select id, row_number() over (order by share, due_at, id) - 1 as ahead
      from (${fairQueue(sql, sql`not ${isPausing(sql)}`)}) queue
    ) q using (id)
    where t.status = 'queued' and not ${isPausing(sql)} and t.before <= ${most}
    order by t.session_id, t.ordinal`;
}
