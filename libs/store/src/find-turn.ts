import type { Turn } from "@boocode/contracts";
import { turnColumns } from "./rows.ts";
import type { Sql } from "./sql.ts";

/** One turn, whether it waits, runs or has ended. @returns null when there is no such turn of this owner in this session */
export async function findTurn(sql: Sql, ownerId: string, sessionId: string, turnId: string): Promise<Turn | null> {
  const [turn] = await sql<Turn[]>`
    select ${turnColumns(sql)} from turns t join sessions s on s.id = t.session_id
    where t.id = ${turnId} and t.session_id = ${sessionId} and t.owner_id = ${ownerId} and s.deleted_at is null`;
  return turn ?? null;
}
