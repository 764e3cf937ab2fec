import type { CreateProject, Project } from "@boocode/contracts";
import { ownedProject } from "./access.ts";
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
