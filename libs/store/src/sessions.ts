import type { ChangeSession, CreateSession, Session } from "@boocode/contracts";
import { cancelTurnsOfSessions } from "./cancel-turns.ts";
import { only, type Pool, type Sql } from "./sql.ts";
import { raiseUserVersion } from "./users.ts";

/** A change of a session, with the versions that its two frames carry. */
export interface SessionChange {
  session: Session;
  userVersion: number;
}

const columns = (sql: Sql) => sql`
  s.id, s.project_id, s.name, s.auto_named, s.model, s.system_prompt, s.version, s.created_at, s.updated_at,
  exists (select from turns t where t.session_id = s.id and t.status in ('queued', 'running', 'cancelling')) as busy`;

export async function listSessions(sql: Sql, ownerId: string, projectId: string): Promise<Session[]> {
  return await sql<Session[]>`
    select ${columns(sql)} from sessions s
    where s.project_id = ${projectId} and s.owner_id = ${ownerId} and s.deleted_at is null
    order by s.updated_at desc, s.id`;
}

export async function findSession(sql: Sql, ownerId: string, sessionId: string): Promise<Session | null> {
  const [session] = await sql<Session[]>`
    select ${columns(sql)} from sessions s
    where s.id = ${sessionId} and s.owner_id = ${ownerId} and s.deleted_at is null`;
  return session ?? null;
}

/** @returns null when there is no such project of this owner */
export async function createSession(
  pool: Pool,
  session: CreateSession & { id: string; ownerId: string; projectId: string },
): Promise<SessionChange | null> {
  return await pool.begin(async (sql) => {
    // The project's row is locked against its deletion, which would leave this session behind.
    const [row] = await sql<Session[]>`
      with project as (
        select id from projects
        where id = ${session.projectId} and owner_id = ${session.ownerId} and deleted_at is null for share
      )
      insert into sessions as s (id, project_id, owner_id, name, model, system_prompt)
      select ${session.id}, id, ${session.ownerId}, ${session.name ?? null}, ${session.model ?? null},
        ${session.system_prompt ?? null}
      from project
      returning ${columns(sql)}`;
    return row ? { session: row, userVersion: await raiseUserVersion(sql, session.ownerId) } : null;
  });
}

/** @returns what it is now, and whether its name was changed (which a structural frame tells) */
export async function changeSession(
  pool: Pool,
  ownerId: string,
  sessionId: string,
  change: ChangeSession,
): Promise<(SessionChange & { renamed: boolean }) | null> {
  const renamed = change.name !== undefined;
  return await pool.begin(async (sql) => {
    const [row] = await sql<Session[]>`
      update sessions s set
        name = ${renamed ? (change.name ?? null) : sql`name`},
        auto_named = ${renamed ? false : sql`auto_named`},
        model = ${change.model !== undefined ? change.model : sql`model`},
        system_prompt = ${change.system_prompt !== undefined ? change.system_prompt : sql`system_prompt`},
        version = version + ${renamed ? 1 : 0}::int,
        updated_at = now()
      where id = ${sessionId} and owner_id = ${ownerId} and deleted_at is null
      returning ${columns(sql)}`;
    return row ? { session: row, renamed, userVersion: await raiseUserVersion(sql, ownerId) } : null;
  });
}

/** The model's name for a session; a name that a person gave meanwhile stays. @returns null when nothing was changed */
export async function autoNameSession(
  pool: Pool,
  sessionId: string,
  name: string,
): Promise<(SessionChange & { ownerId: string }) | null> {
  return await pool.begin(async (sql) => {
    const [row] = await sql<(Session & { owner_id: string })[]>`
      update sessions s set name = ${name}, auto_named = true, version = version + 1
      where id = ${sessionId} and name is null and deleted_at is null
      returning ${columns(sql)}, owner_id`;
    if (!row) return null;
    const { owner_id: ownerId, ...session } = row;
    return { session, ownerId, userVersion: await raiseUserVersion(sql, ownerId) };
  });
}

/** Deletes a session and cancels what runs in it, in one transaction. @returns null when there is no such session */
export async function deleteSession(
  pool: Pool,
  ownerId: string,
  sessionId: string,
): Promise<{ projectId: string; userVersion: number; cancelling: string[] } | null> {
  return await pool.begin(async (sql) => {
    const [row] = await sql<{ project_id: string }[]>`
      update sessions set deleted_at = now()
      where id = ${sessionId} and owner_id = ${ownerId} and deleted_at is null returning project_id`;
    if (!row) return null;
    const { cancelling } = await cancelTurnsOfSessions(sql, ownerId, [sessionId], "session_deleted");
    return { projectId: row.project_id, userVersion: await raiseUserVersion(sql, ownerId), cancelling };
  });
}

/**
 * A change that shows in the owner's lists: the session is busy, idle, or touched. By the order of locks the last statement of
 * its transaction, which holds the session's row.
 */
export async function showInLists(sql: Sql, ownerId: string, sessionId: string): Promise<SessionChange> {
  const rows = await sql<
    Session[]
  >`select ${columns(sql)} from sessions s where s.id = ${sessionId} and s.owner_id = ${ownerId}`;
  return { session: only(rows), userVersion: await raiseUserVersion(sql, ownerId) };
}

/** Locks a session for a change of its structure. @returns null when there is no such session of this owner */
export async function lockSession(
  sql: Sql,
  ownerId: string,
  sessionId: string,
): Promise<{ project_id: string; last_ordinal: number; version: number } | null> {
  const [row] = await sql<{ project_id: string; last_ordinal: number; version: number }[]>`
    select project_id, last_ordinal, version from sessions
    where id = ${sessionId} and owner_id = ${ownerId} and deleted_at is null for no key update`;
  return row ?? null;
}

/** Raises the version of a locked session by one for each structural frame. @returns the new version */
export async function raiseSessionVersion(sql: Sql, sessionId: string, by: number): Promise<number> {
  const [row] = await sql<[{ version: number }]>`
    update sessions set version = version + ${by}::int, updated_at = now() where id = ${sessionId} returning version`;
  return row.version;
}
