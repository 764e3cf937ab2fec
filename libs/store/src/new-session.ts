import type { Session } from "@boocode/contracts";
import { type Change, recordChanges } from "./changes.ts";
import type { Sql } from "./sql.ts";

/** Rolls back what was done in a project that was deleted meanwhile. */
class ProjectDeleted extends Error {}

/** Records that a session was added. Called last. @throws ProjectDeleted */
export async function listNewSession(sql: Sql, { system_prompt: _, ...session }: Session): Promise<Change[]> {
  const { project_id: projectId } = session;
  const frame = { type: "session_created" as const, session };
  const changes = await recordChanges(sql, { projectId }, [{ kind: "list", frame }]);
  // The project is locked only now. A session in a project that was deleted meanwhile would be left behind.
  const [project] = await sql`select from projects where id = ${projectId} and deleted_at is null`;
  if (!project) throw new ProjectDeleted();
  return changes;
}

/** @returns null when the project of a new session was deleted meanwhile */
export async function keepUnlessProjectDeleted<T>(add: () => Promise<T>): Promise<T | null> {
  try {
    return await add();
  } catch (error) {
    if (error instanceof ProjectDeleted) return null;
    throw error;
  }
}
