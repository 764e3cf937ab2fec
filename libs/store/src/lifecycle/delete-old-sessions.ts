import { existingSession } from "../access.ts";
import { type Change, recordChanges } from "../changes.ts";
import { milliseconds, type Pool } from "../sql.ts";

/** The most that one call of `findOldSessions` returns of one project. */
const OF_ONE_PROJECT = 20;

/** How long a session may be unused; null: for ever. Those of deleted users are deleted in any case. */
type Retention = number | null;

/** Finds sessions without live turns that are to be deleted: their user is, or they were not used for too long. */
export async function findOldSessions(pool: Pool, retentionMs: Retention, limit: number): Promise<string[]> {
  const orphaned = await pool<{ id: string }[]>`
    select s.id from users u join sessions s on s.owner_id = u.id
    where u.deleted_at is not null and u.purged_at is null and ${existingSession(pool)} and s.live_turns = 0
    limit ${limit}`;
  if (orphaned.length > 0 || retentionMs === null) return orphaned.map((row) => row.id);
  // By project, because an index on the last use alone would cost every change of every session.
  const rows = await pool<{ id: string }[]>`
    select old.id from projects p cross join lateral (
      select s.id from sessions s
      where s.project_id = p.id and s.deleted_at is null and s.updated_at < now() - ${milliseconds(pool, retentionMs)}
        and s.live_turns = 0
      limit ${OF_ONE_PROJECT}) old
    where p.deleted_at is null limit ${limit}`;
  return rows.map((row) => row.id);
}

/**
 * Deletes a session as its owner would, unless it was used meanwhile. One session per transaction: each change of a
 * project's list locks that project.
 * @returns null when it was used or deleted, or is locked
 */
export async function deleteOldSession(
  pool: Pool,
  sessionId: string,
  retentionMs: Retention,
): Promise<{ changes: Change[] } | null> {
  return await pool.begin(async (sql) => {
    const isUnused = retentionMs === null ? sql`false` : sql`s.updated_at < now() - ${milliseconds(sql, retentionMs)}`;
    const [session] = await sql<{ project_id: string }[]>`
      select s.project_id from sessions s
      where s.id = ${sessionId} and ${existingSession(sql)}
        and s.live_turns = 0 and (${isUnused} or exists (select from users u where u.id = s.owner_id and u.deleted_at is not null))
      for no key update of s skip locked`;
    if (!session) return null;
    await sql`update sessions set deleted_at = now() where id = ${sessionId}`;
    const frame = { type: "session_deleted" as const, session_id: sessionId, project_id: session.project_id };
    return { changes: await recordChanges(sql, { projectId: session.project_id }, [{ kind: "list", frame }]) };
  });
}
