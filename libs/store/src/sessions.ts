import type { ChangeSession, CreateSession, Session, ToolsIgnored } from "@boocode/contracts";
import { existingSession, ownedProject, ownedSession } from "./access.ts";
import { cancelTurnsOfSessions, hintsOfCancel } from "./cancel-turns.ts";
import { type Change, recordChanges, recordSessionChanges, type Structure } from "./changes.ts";
import { type Pool, type Sql, sessionColumns } from "./sql.ts";

interface ChangedSession {
  session: Session;
  changes: Change[];
}

export async function listSessions(sql: Sql, ownerId: string, projectId: string): Promise<Session[]> {
  return await sql<Session[]>`
    select ${sessionColumns(sql)} from sessions s
    where s.project_id = ${projectId} and ${ownedSession(sql, ownerId)}
    order by s.updated_at desc, s.id`;
}

export async function findSession(sql: Sql, ownerId: string, sessionId: string): Promise<Session | null> {
  const [session] = await sql<Session[]>`
    select ${sessionColumns(sql)} from sessions s
    where s.id = ${sessionId} and ${ownedSession(sql, ownerId)}`;
  return session ?? null;
}

/** @returns null when this owner has no such project */
export async function createSession(
  pool: Pool,
  session: CreateSession & { id: string; ownerId: string; projectId: string },
): Promise<ChangedSession | null> {
  return await pool.begin(async (sql) => {
    // The share lock keeps the project from being deleted at the same time, which would leave this session behind.
    const [row] = await sql<Session[]>`
      with project as (
        select p.id from projects p where p.id = ${session.projectId} and ${ownedProject(sql, session.ownerId)} for share
      )
      insert into sessions as s (id, project_id, owner_id, name, model, system_prompt)
      select ${session.id}, id, ${session.ownerId}, ${session.name ?? null}, ${session.model ?? null},
        ${session.system_prompt ?? null}
      from project
      returning ${sessionColumns(sql)}`;
    if (!row) return null;
    const frame = { type: "session_created" as const, session: row };
    return { session: row, changes: await recordChanges(sql, session.ownerId, [{ kind: "list", frame }]) };
  });
}

export async function changeSession(
  pool: Pool,
  ownerId: string,
  sessionId: string,
  change: ChangeSession,
): Promise<ChangedSession | null> {
  const { name } = change;
  return await pool.begin(async (sql) => {
    const [row] = await sql<Pick<Session, "id" | "name" | "auto_named">[]>`
      update sessions s set
        name = ${name !== undefined ? name : sql`name`},
        auto_named = ${name !== undefined ? false : sql`auto_named`},
        model = ${change.model !== undefined ? change.model : sql`model`},
        tools_ignored = ${change.model !== undefined ? null : sql`tools_ignored`},
        system_prompt = ${change.system_prompt !== undefined ? change.system_prompt : sql`system_prompt`}
      where s.id = ${sessionId} and ${ownedSession(sql, ownerId)}
      returning s.id, s.name, s.auto_named`;
    if (!row) return null;
    return await recordSessionChanges(sql, { ownerId, sessionId: row.id }, name !== undefined ? [renamed(row)] : []);
  });
}

/** Gives a session the name that the model chose, unless it already has one. @returns null when nothing was changed */
export async function autoNameSession(pool: Pool, sessionId: string, name: string): Promise<ChangedSession | null> {
  return await pool.begin(async (sql) => {
    const [row] = await sql<(Pick<Session, "id" | "name" | "auto_named"> & { owner_id: string })[]>`
      update sessions s set name = ${name}, auto_named = true
      where s.id = ${sessionId} and s.name is null and ${existingSession(sql)}
      returning id, name, auto_named, owner_id`;
    if (!row) return null;
    return await recordSessionChanges(sql, { ownerId: row.owner_id, sessionId: row.id, touch: false }, [renamed(row)]);
  });
}

/**
 * Records that the session's model sees no tools. Not fenced, because it is a fact about the model, whichever attempt
 * found it.
 * @returns null when the session knows it already, or was deleted
 */
export async function recordToolsIgnored(
  pool: Pool,
  sessionId: string,
  found: ToolsIgnored,
): Promise<ChangedSession | null> {
  return await pool.begin(async (sql) => {
    const [row] = await sql<{ owner_id: string }[]>`
      update sessions s set tools_ignored = ${sql.json(found)}
      where s.id = ${sessionId} and ${existingSession(sql)}
        and (tools_ignored is null or tools_ignored->>'model' is distinct from ${found.model})
      returning owner_id`;
    if (!row) return null;
    const change: Structure = { kind: "structure", frame: { type: "tools_ignored", tools_ignored: found } };
    return await recordSessionChanges(sql, { ownerId: row.owner_id, sessionId, touch: false }, [change]);
  });
}

const renamed = ({ name, auto_named }: Pick<Session, "name" | "auto_named">): Structure => ({
  kind: "structure",
  frame: { type: "session_renamed", name, auto_named },
});

/** Deletes a session and cancels its turns in one transaction. @returns null when this owner has no such session */
export async function deleteSession(
  pool: Pool,
  ownerId: string,
  sessionId: string,
): Promise<{ changes: Change[] } | null> {
  return await pool.begin(async (sql) => {
    const [row] = await sql<{ project_id: string }[]>`
      update sessions s set deleted_at = now()
      where s.id = ${sessionId} and ${ownedSession(sql, ownerId)} returning s.project_id`;
    if (!row) return null;
    const { cancelling } = await cancelTurnsOfSessions(sql, {
      ownerId,
      sessionIds: [sessionId],
      reason: "session_deleted",
    });
    const changes = await recordChanges(sql, ownerId, [
      ...hintsOfCancel(cancelling),
      { kind: "list", frame: { type: "session_deleted", session_id: sessionId, project_id: row.project_id } },
    ]);
    return { changes };
  });
}
