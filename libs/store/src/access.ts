import type { Sql } from "./sql.ts";

/*
 * Which rows a user may read and change. Every statement on behalf of a user takes its predicate from here (a test searches for
 * others), so that roles and sharing are added in this file. A row that the predicate excludes does not exist for that user.
 */

/** Of `projects p`. */
export const ownedProject = (sql: Sql, ownerId: string) => sql`p.owner_id = ${ownerId} and p.deleted_at is null`;

/** Of `sessions s`. */
export const ownedSession = (sql: Sql, ownerId: string) => sql`s.owner_id = ${ownerId} and s.deleted_at is null`;

/** Of `messages m`. */
export const ownedMessage = (sql: Sql, ownerId: string) => sql`m.owner_id = ${ownerId} and m.deleted_at is null`;

/** Of `turns t`. Whether its session was deleted is for the statement to ask. */
export const ownedTurn = (sql: Sql, ownerId: string) => sql`t.owner_id = ${ownerId}`;

/** Locks a session for a change of its structure. @returns null when there is no such session of this owner */
export async function lockSession(sql: Sql, ownerId: string, sessionId: string): Promise<{ projectId: string } | null> {
  const [row] = await sql<{ projectId: string }[]>`
    select s.project_id as "projectId" from sessions s
    where s.id = ${sessionId} and ${ownedSession(sql, ownerId)} for no key update`;
  return row ?? null;
}
