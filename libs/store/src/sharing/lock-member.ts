import type { Member } from "@boocode/contracts";
import { askedBy } from "../access.ts";
import { recordRevoked } from "../accounts/cancel-revoked.ts";
import { cancelTurnsOfSessions } from "../cancel-turns.ts";
import type { Change } from "../changes.ts";
import type { Sql } from "../sql.ts";

/** A member whose role the transaction has locked, so that no turn of this user can be added to the project. */
export interface LockedMember {
  userId: string;
  role: Member["role"];
  /** The project's sessions in which the user has live turns, locked. */
  sessionIds: string[];
}

/** The transaction must start again: what it needs to lock was added while it waited for another lock. */
export class TurnAdded extends Error {
  override name = "TurnAdded";
}

/**
 * Locks a member's role, to change it or take it back, and the sessions with the member's live turns before it: a post locks
 * its session first, and then the role of the user who asks.
 * @returns null when the project is not shared with this user
 * @throws TurnAdded
 */
export async function lockMember(sql: Sql, projectId: string, userId: string): Promise<LockedMember | null> {
  // As an array, so that they are read first, by the index of the user's live turns.
  const live = sql`array(
    select t.session_id from turns t where ${askedBy(sql, userId)} and t.status in ('queued', 'running'))`;
  const sessions = await sql<{ id: string }[]>`
    select s.id from sessions s where s.project_id = ${projectId} and s.id = any(${live}) order by s.id for no key update of s`;
  const [member] = await sql<{ role: Member["role"] }[]>`
    select pm.role from project_members pm where pm.project_id = ${projectId} and pm.user_id = ${userId} for update`;
  if (!member) return null;
  const sessionIds = sessions.map((session) => session.id);
  const [added] = await sql`
    select from sessions s
    where s.project_id = ${projectId} and s.id = any(${live}) and s.id <> all(${sessionIds}::uuid[]) limit 1`;
  // Locking its session now would break the lock order. Nothing is written yet.
  if (added) throw new TurnAdded();
  return { userId, role: member.role, sessionIds };
}

/** Cancels the live turns of a member, and withdraws those that no worker has claimed. */
export async function cancelTurnsOfMember(sql: Sql, { userId, sessionIds }: LockedMember): Promise<Change[]> {
  const cancel = { sessionIds, askerId: userId, reason: "access_revoked" } as const;
  return await recordRevoked(sql, await cancelTurnsOfSessions(sql, cancel));
}
