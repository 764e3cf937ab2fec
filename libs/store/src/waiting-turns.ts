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
  const [isWanted, isWaiting] = [sql`= any(${sessionIds}::uuid[])`, sql`not ${isPausing(sql)}`];
  return await sql<WaitingTurn[]>`
    select id as turn_id, session_id, reason, ahead::int from (
      -- The next turn of a session. All others wait for one before them.
      select id, session_id, ordinal, 'worker' as reason, ahead from (
        select *, row_number() over (order by share, due_at, id) - 1 as ahead from (${fairQueue(sql, isWaiting)}) queue
      ) ranked where session_id ${isWanted}
      union all
      select id, session_id, ordinal, 'session', before from (
        select l.id, l.session_id, l.ordinal, l.status, l.attempt, l.due_at,
          row_number() over (partition by l.session_id order by l.ordinal) - 1 as before
        from sessions s cross join ${liveTurnsOfSession(sql)} l where s.id ${isWanted}
      ) t where status = 'queued' and ${isWaiting} and before between 1 and ${most}
    ) waiting order by session_id, ordinal`;
}
