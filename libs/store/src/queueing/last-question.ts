import type { Sql } from "../sql.ts";

/** The last question of a session, whether or not its turn has begun; null without any. The caller holds the lock of the session. */
export async function findLastQuestion(sql: Sql, sessionId: string) {
  const [question] = await sql<{ id: string; owner_id: string; turn_ordinal: number }[]>`
    select id, owner_id, turn_ordinal from messages
    where session_id = ${sessionId} and role = 'user' and deleted_at is null
    order by turn_ordinal desc limit 1`;
  return question ?? null;
}
