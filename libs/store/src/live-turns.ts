import type { LiveTurnList, Turn } from "@boocode/contracts";
import { existingSession, ownedSession, ownedTurn } from "./access.ts";
import { type Sql, turnColumns } from "./sql.ts";

/** Reads a turn, live or ended. @returns null when this owner's session has no such turn */
export async function findTurn(sql: Sql, ownerId: string, sessionId: string, turnId: string): Promise<Turn | null> {
  const [turn] = await sql<Turn[]>`
    select ${turnColumns(sql)} from turns t join sessions s on s.id = t.session_id
    where t.id = ${turnId} and t.session_id = ${sessionId} and ${ownedTurn(sql, ownerId)} and ${existingSession(sql)}`;
  return turn ?? null;
}

/** Lists the running and waiting turns of a session in the order in which they run. @returns null: no such session */
export async function listLiveTurns(sql: Sql, ownerId: string, sessionId: string): Promise<LiveTurnList | null> {
  const [session] = await sql`
    select from sessions s where s.id = ${sessionId} and ${ownedSession(sql, ownerId)}`;
  if (!session) return null;
  const turns = await sql<LiveTurnList["turns"]>`
    select ${turnColumns(sql)},
      (select m.id from messages m where m.turn_id = t.id and m.role = 'user' and m.deleted_at is null) as message_id,
      case when t.status = 'queued'
        then count(*) filter (where t.status = 'queued') over (order by t.ordinal) end as place
    from turns t
    where t.session_id = ${sessionId} and ${ownedTurn(sql, ownerId)} and t.status in ('queued', 'running', 'cancelling')
    order by t.ordinal`;
  return { turns: [...turns] };
}
