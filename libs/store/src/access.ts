import type { Sql } from "./sql.ts";

/*
 * The rows that a user may read and change. Every statement on behalf of a user uses these predicates (owners.test.ts finds
 * those that do not), so that roles and sharing need a change in this file only. To the user, an excluded row does not exist.
 */

/** A condition on `projects p`. */
export const ownedProject = (sql: Sql, ownerId: string) => sql`p.owner_id = ${ownerId} and p.deleted_at is null`;

/** A condition on `sessions s`: it is not deleted, and neither is its project, whose sessions are marked later and in batches. */
export const existingSession = (sql: Sql) => sql`
  s.deleted_at is null and exists (select from projects its where its.id = s.project_id and its.deleted_at is null)`;

/** A condition on `sessions s`. */
export const ownedSession = (sql: Sql, ownerId: string) => sql`s.owner_id = ${ownerId} and ${existingSession(sql)}`;

/** A condition on `messages m`. */
export const ownedMessage = (sql: Sql, ownerId: string) => sql`m.owner_id = ${ownerId} and m.deleted_at is null`;

/** A condition on `turns t`. It does not check whether the session was deleted. */
export const ownedTurn = (sql: Sql, ownerId: string) => sql`t.owner_id = ${ownerId}`;

/** A session whose row the transaction has locked. */
export interface LockedSession {
  projectId: string;
  /** The ordinal of its newest turn; 0 when it has none. */
  lastOrdinal: number;
}

/** Locks a session for a change of its structure. @returns null when this owner has no such session */
export async function lockSession(sql: Sql, ownerId: string, sessionId: string): Promise<LockedSession | null> {
  const [row] = await sql<LockedSession[]>`
    select s.project_id as "projectId", s.last_ordinal as "lastOrdinal" from sessions s
    where s.id = ${sessionId} and ${ownedSession(sql, ownerId)} for no key update`;
  return row ?? null;
}
