import type { CreateProject, Project } from "@boocode/contracts";
import { ownedProject, ownedSession } from "./access.ts";
import { cancelTurnsOfSessions, hintsOfCancel } from "./cancel-turns.ts";
import { type Change, recordChanges } from "./changes.ts";
import { only, type Pool, type Sql } from "./sql.ts";

const columns = (sql: Sql) => sql`p.id, p.name, p.path, p.added_at, p.last_session_id`;

export async function listProjects(sql: Sql, ownerId: string): Promise<Project[]> {
  return await sql<Project[]>`
    select ${columns(sql)} from projects p where ${ownedProject(sql, ownerId)} order by p.added_at, p.id`;
}

export async function findProject(sql: Sql, ownerId: string, projectId: string): Promise<Project | null> {
  const [project] = await sql<Project[]>`
    select ${columns(sql)} from projects p where p.id = ${projectId} and ${ownedProject(sql, ownerId)}`;
  return project ?? null;
}

interface ChangedProject {
  project: Project;
  changes: Change[];
}

export async function createProject(
  pool: Pool,
  project: CreateProject & { id: string; ownerId: string },
): Promise<ChangedProject> {
  return await pool.begin(async (sql) => {
    const created = only(
      await sql<Project[]>`
        insert into projects as p (id, owner_id, name, path)
        values (${project.id}, ${project.ownerId}, ${project.name}, ${project.path})
        returning ${columns(sql)}`,
    );
    const frame = { type: "project_created" as const, project: created };
    return { project: created, changes: await recordChanges(sql, project.ownerId, [{ kind: "list", frame }]) };
  });
}

export async function renameProject(
  pool: Pool,
  ownerId: string,
  projectId: string,
  name: string,
): Promise<ChangedProject | null> {
  return await pool.begin(async (sql) => {
    const [project] = await sql<Project[]>`
      update projects p set name = ${name}
      where p.id = ${projectId} and ${ownedProject(sql, ownerId)}
      returning ${columns(sql)}`;
    if (!project) return null;
    const frame = { type: "project_updated" as const, project };
    return { project, changes: await recordChanges(sql, ownerId, [{ kind: "list", frame }]) };
  });
}

/**
 * Deletes a project and its sessions, and cancels their turns, in one transaction.
 * @returns the ids of the deleted sessions; null when this owner has no such project
 */
export async function deleteProject(pool: Pool, ownerId: string, projectId: string): Promise<DeletedProject | null> {
  for (;;) {
    const outcome = await pool.begin((sql) => deleteWithSessions(sql, ownerId, projectId));
    if (outcome !== "session added") return outcome;
  }
}

interface DeletedProject {
  sessionIds: string[];
  changes: Change[];
}

async function deleteWithSessions(
  sql: Sql,
  ownerId: string,
  projectId: string,
): Promise<DeletedProject | "session added" | null> {
  // Sessions are locked before their project, as in a post, which locks its session and then writes `last_session_id`.
  const locked = await sql<{ id: string }[]>`
    select s.id from sessions s where s.project_id = ${projectId} and ${ownedSession(sql, ownerId)}
    order by s.id for no key update`;
  const [project] = await sql`
    select from projects p where p.id = ${projectId} and ${ownedProject(sql, ownerId)} for no key update`;
  if (!project) return null;
  const sessionIds = locked.map((session) => session.id);
  const added = await sql`
    select from sessions where project_id = ${projectId} and deleted_at is null and id <> all(${sessionIds}::uuid[])`;
  // A session was created while this transaction waited for the locks. Locking it now would break the lock order; nothing is
  // written yet, so the caller starts again.
  if (added.length > 0) return "session added";
  await sql`update sessions set deleted_at = now() where id = any(${sessionIds}::uuid[])`;
  const { cancelling } = await cancelTurnsOfSessions(sql, { ownerId, sessionIds, reason: "session_deleted" });
  await sql`update projects set deleted_at = now() where id = ${projectId}`;
  const changes = await recordChanges(sql, ownerId, [
    ...hintsOfCancel(cancelling),
    { kind: "list", frame: { type: "project_deleted", project_id: projectId } },
  ]);
  return { sessionIds, changes };
}
