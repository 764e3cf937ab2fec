import { demand, type existingSession, lockProject } from "../access.ts";
import { recordAudit } from "../audit.ts";
import { cancelTurnsOfSessions, hintsOfCancel } from "../cancel-turns.ts";
import { type Change, recordChanges } from "../changes.ts";
import type { Pool, Sql } from "../sql.ts";

/*
 * A project can have very many sessions, and a transaction that deletes them all would lock them all for seconds. So the
 * project is marked first: from then on the predicates of access.ts exclude its sessions. `emptyProject` deletes these in
 * batches; the API begins with it at once, and the workers finish it.
 */

/** Marks a project as deleted. @returns null when the user may read no such project @throws Forbidden */
export async function deleteProject(
  pool: Pool,
  userId: string,
  projectId: string,
): Promise<{ changes: Change[] } | null> {
  return await pool.begin(async (sql) => {
    const project = await lockProject(sql, userId, projectId);
    if (!project) return null;
    demand(project.role, "change project", true);
    await sql`update projects set deleted_at = now() where id = ${projectId}`;
    await recordAudit(sql, { event: "project.deleted", actor: { userId, tokenId: null }, userId, projectId });
    const frame = { type: "project_deleted" as const, project_id: projectId };
    return { changes: await recordChanges(sql, { projectId }, [{ kind: "list", frame }]) };
  });
}

/** Marks what a request, which was under way as its user was deleted, created afterwards. @returns how many projects */
export async function deleteLateProjects(sql: Sql): Promise<number> {
  const result = await sql`
    update projects set deleted_at = now() where id in (
      select p.id from users u join projects p on p.owner_id = u.id
      where u.deleted_at is not null and p.deleted_at is null order by p.id for no key update of p)`;
  return result.count;
}

/** Deleted projects that still have sessions. */
export async function findProjectsToEmpty(pool: Pool, limit: number): Promise<string[]> {
  const rows = await pool<{ id: string }[]>`
    select id from projects where deleted_at is not null and emptied_at is null order by deleted_at limit ${limit}`;
  return rows.map((row) => row.id);
}

/** How many sessions one transaction deletes: it holds their locks for some 20 ms. */
const EMPTIED_AT_ONCE = 200;

/**
 * Deletes some sessions of a deleted project and cancels their turns. Those with live turns come first, so that these stop at
 * once, however many sessions there are. Locked sessions are left for the next call, so that any number of processes may call
 * this at the same time.
 * @returns how many sessions were deleted; 0 when none is left, or when the rest is locked
 */
export async function emptyProject(pool: Pool, projectId: string): Promise<{ deleted: number; changes: Change[] }> {
  return await pool.begin(async (sql) => {
    const take = (also: ReturnType<typeof existingSession>) => sql<{ id: string }[]>`
      select s.id from sessions s where s.project_id = ${projectId} and s.deleted_at is null ${also}
      order by s.id limit ${EMPTIED_AT_ONCE} for no key update of s skip locked`;
    // The live turns of the whole installation are few; those of this project cannot be found without its sessions.
    const live = await sql<{ session_id: string }[]>`
      select t.session_id from turns t join sessions s on s.id = t.session_id
      where t.status in ('queued', 'running') and s.project_id = ${projectId} and s.deleted_at is null
      limit ${EMPTIED_AT_ONCE}`;
    const busy = live.map((turn) => turn.session_id);
    const locked = busy.length > 0 ? await take(sql`and s.id = any(${busy}::uuid[])`) : await take(sql``);
    const sessionIds = locked.map((session) => session.id);
    if (sessionIds.length === 0) {
      await sql`
        update projects set emptied_at = now() where id = ${projectId} and deleted_at is not null and emptied_at is null
          and not exists (select from sessions where project_id = ${projectId} and deleted_at is null)`;
      return { deleted: 0, changes: [] };
    }
    await sql`update sessions set deleted_at = now() where id = any(${sessionIds}::uuid[])`;
    const { cancelling } = await cancelTurnsOfSessions(sql, { sessionIds, reason: "session_deleted" });
    return { deleted: sessionIds.length, changes: hintsOfCancel(cancelling) };
  });
}
