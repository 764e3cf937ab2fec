import { type LiveTurn, type LiveTurnList, MAX_LIVE_TURNS, type TurnState } from "@boocode/contracts";
import { readableSession, readableTurn } from "./access.ts";
import { type Sql, turnColumns } from "./sql.ts";
import { liveTurnsOfSession } from "./turn-status.ts";
import { readWaitingTurns } from "./waiting-turns.ts";

/** A turn, and the nonce of its last attempt, with which its frames are found; null when no worker has claimed it. */
export type WithNonce<T> = T & { nonce: string | null };

/** Reads a turn, live or ended. @returns null when the user may read no such turn in this session */
export async function findTurn(
  sql: Sql,
  userId: string,
  sessionId: string,
  turnId: string,
): Promise<WithNonce<TurnState> | null> {
  const [turn] = await sql<WithNonce<TurnState>[]>`
    select ${turnColumns(sql)}, t.nonce from turns t
    where t.id = ${turnId} and t.session_id = ${sessionId} and ${readableTurn(sql, userId)}`;
  return turn ? ((await withWaiting(sql, sessionId, [turn]))[0] ?? null) : null;
}

/** Lists the running and waiting turns of a session in the order in which they run. @returns null: no such session */
export async function listLiveTurns(
  sql: Sql,
  userId: string,
  sessionId: string,
): Promise<(Omit<LiveTurnList, "turns"> & { turns: WithNonce<LiveTurn>[] }) | null> {
  const [session] = await sql`
    select from sessions s where s.id = ${sessionId} and ${readableSession(sql, userId)}`;
  if (!session) return null;
  const turns = await sql<WithNonce<LiveTurn>[]>`
    select ${turnColumns(sql)}, t.nonce,
      (select m.id from messages m where m.turn_id = t.id and m.role = 'user' and m.deleted_at is null) as message_id,
      case when t.status = 'queued'
        then count(*) filter (where t.status = 'queued') over (order by t.ordinal) end as place
    from sessions s cross join ${liveTurnsOfSession(sql)} t
    where s.id = ${sessionId} and ${readableSession(sql, userId)}
    order by t.ordinal limit ${MAX_LIVE_TURNS + 1}`;
  const listed = await withWaiting(sql, sessionId, turns.slice(0, MAX_LIVE_TURNS));
  return { turns: listed, has_more: turns.length > MAX_LIVE_TURNS };
}

/** Adds what queued turns wait for. Other turns cost no further statement. */
async function withWaiting<T extends Omit<TurnState, "waiting">>(
  sql: Sql,
  sessionId: string,
  turns: readonly T[],
): Promise<(T & Pick<TurnState, "waiting">)[]> {
  const isQueued = turns.some(({ status }) => status === "queued");
  const found = isQueued ? await readWaitingTurns(sql, [sessionId], MAX_LIVE_TURNS) : [];
  const waits = new Map(found.map(({ turn_id, reason, ahead }) => [turn_id, { reason, ahead }]));
  return turns.map((turn) => ({ ...turn, waiting: waits.get(turn.id) ?? null }));
}
