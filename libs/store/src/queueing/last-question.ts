import type { Sql } from "../sql.ts";

/** The last question of a session, also one whose turn waits; null: it has none. The caller holds the session's lock. */
export async function findLastQuestion(sql: Sql, sessionId: string) {
  const [question] = await sql<{ id: string; owner_id: string; turn_ordinal: number }[]>`
    select id, owner_id, turn_ordinal from messages
    where session_id = ${sessionId} and role = 'user' and deleted_at is null
    order by turn_ordinal desc limit 1`;
  return question ?? null;
}
