import type { CreateProject, Project, ProjectList } from "@boocode/contracts";
import { demand, lockProject, projectIdsOf, readableProject, roleInProject } from "./access.ts";
import { type Change, recordChanges } from "./changes.ts";
import { type ListPage, placeOf, timeOf, toPage } from "./pages.ts";
import { only, type Pool, type Sql, userRef } from "./sql.ts";

/** The columns of `projects p` that are the same for all who may read it. */
const columns = (sql: Sql) => sql`
  p.id, p.name, p.path, p.added_at, p.last_session_id, ${userRef(sql, sql`p.owner_id`)} as owner`;

/** The columns of `projects p` in the shape of the contract's Project. */
export const projectColumns = (sql: Sql, userId: string) => sql`${columns(sql)}, ${roleInProject(sql, userId)} as role`;

/** Lists a page of what the user owns and what is shared with the user, oldest first. The first page has the newest. */
export async function listProjects(sql: Sql, userId: string, { limit, before }: ListPage): Promise<ProjectList> {
  const older = before ? sql`and (p.added_at, p.id) < (${timeOf(sql, before)}, ${before.id}::uuid)` : sql``;
  const found = await sql<(Project & { place: string })[]>`
    select ${projectColumns(sql, userId)}, ${placeOf(sql, sql`p.added_at`, sql`p.id`)} as place from projects p
    where p.id in (${projectIdsOf(sql, userId)}) and ${readableProject(sql, userId)} ${older}
    order by p.added_at desc, p.id desc limit ${limit + 1}`;
  const { rows, ...end } = toPage(found, limit);
  return { projects: rows.reverse(), ...end };
}

export async function findProject(sql: Sql, userId: string, projectId: string): Promise<Project | null> {
  const [project] = await sql<Project[]>`
    select ${projectColumns(sql, userId)} from projects p where p.id = ${projectId} and ${readableProject(sql, userId)}`;
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
        returning ${projectColumns(sql, project.ownerId)}`,
    );
    const frame = { type: "project_created" as const, project: created };
    return {
      project: created,
      changes: await recordChanges(sql, { userId: project.ownerId }, [{ kind: "list", frame }]),
    };
  });
}

/** @returns null when the user may read no such project @throws Forbidden */
export async function renameProject(
  pool: Pool,
  userId: string,
  projectId: string,
  name: string,
): Promise<ChangedProject | null> {
  return await pool.begin(async (sql) => {
    const locked = await lockProject(sql, userId, projectId);
    if (!locked) return null;
    demand(locked.role, "change project", true);
    const project = only(
      await sql<Project[]>`update projects p set name = ${name} where p.id = ${projectId} returning ${columns(sql)}`,
    );
    const frame = { type: "project_updated" as const, project };
    const changes = await recordChanges(sql, { projectId }, [{ kind: "list", frame }]);
    return { project: { ...project, role: locked.role }, changes };
  });
}
