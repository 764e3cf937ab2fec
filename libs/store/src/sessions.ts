import type {
  ChangeSession,
  CreateSession,
  Session,
  SessionList,
  SessionSummary,
  UsageEntry,
} from "@boocode/contracts";
import { demand, lockSession, readableSession, readRole } from "./access.ts";
import { cancelTurnsOfSessions, hintsOfCancel } from "./cancel-turns.ts";
import { type Change, recordChanges, recordSessionChanges } from "./changes.ts";
import { usageParameter } from "./count-usage.ts";
import { hasRoomForSession, lockLimits, QuotaExceeded } from "./limits.ts";
import { keepUnlessProjectDeleted, listNewSession } from "./new-session.ts";
import { type ListPage, placeOf, timeOf, toPage } from "./pages.ts";
import { only, type Pool, refOfUser, type Sql, sessionColumns, summaryColumns } from "./sql.ts";

interface ChangedSession<S = Session> {
  session: S;
  changes: Change[];
}

/** Lists a page of a project's sessions, those that were used last first. A session that is used moves to the first page. */
export async function listSessions(
  sql: Sql,
  userId: string,
  projectId: string,
  { limit, before }: ListPage,
): Promise<SessionList> {
  // The first comparison is one of the index.
  const after = before
    ? sql`and s.updated_at <= ${timeOf(sql, before)} and (s.updated_at < ${timeOf(sql, before)} or s.id > ${before.id})`
    : sql``;
  // Most sessions of a page have one owner, who is read once.
  const owner = sql`(select o.ref from owners o where o.id = s.owner_id)`;
  const found = await sql<(SessionSummary & { place: string })[]>`
    with page as materialized (
      select s.* from sessions s where s.project_id = ${projectId} and ${readableSession(sql, userId)} ${after}
      order by s.updated_at desc, s.id limit ${limit + 1}
    ), owners as materialized (
      select u.id, ${refOfUser(sql)} as ref from users u where u.id = any(array(select distinct owner_id from page))
    )
    select ${summaryColumns(sql, owner)}, ${placeOf(sql, sql`s.updated_at`, sql`s.id`)} as place from page s
    order by s.updated_at desc, s.id`;
  const { rows, ...end } = toPage(found, limit);
  return { sessions: rows, ...end };
}

export async function findSession(sql: Sql, userId: string, sessionId: string): Promise<Session | null> {
  const [session] = await sql<Session[]>`
    select ${sessionColumns(sql)} from sessions s
    where s.id = ${sessionId} and ${readableSession(sql, userId)}`;
  return session ?? null;
}

/**
 * @param session `most`: the user's limit of sessions; null: none
 * @returns null when the user may read no such project
 * @throws Forbidden, QuotaExceeded
 */
export async function createSession(
  pool: Pool,
  session: CreateSession & { id: string; ownerId: string; projectId: string; most?: number | null },
): Promise<ChangedSession | null> {
  const { projectId, ownerId, most = null } = session;
  return await keepUnlessProjectDeleted(() =>
    pool.begin(async (sql) => {
      const role = await readRole(sql, ownerId, projectId);
      if (!role) return null;
      demand(role, "ask", true);
      if (most !== null) await lockLimits(sql, ownerId);
      const [created] = await sql<Session[]>`
        insert into sessions as s (id, project_id, owner_id, name, model, system_prompt)
        select ${session.id}, ${projectId}, ${ownerId}, ${session.name ?? null}, ${session.model ?? null},
          ${session.system_prompt ?? null}
        where ${hasRoomForSession(sql, ownerId, most)}
        returning ${sessionColumns(sql)}`;
      if (!created) throw new QuotaExceeded({ limit: "sessions", most: most ?? 0, used: most ?? 0 });
      return { session: created, changes: await listNewSession(sql, created) };
    }),
  );
}

/** @returns null when the user may read no such session @throws Forbidden */
export async function changeSession(
  pool: Pool,
  userId: string,
  sessionId: string,
  change: ChangeSession,
): Promise<ChangedSession | null> {
  const { name } = change;
  return await pool.begin(async (sql) => {
    const session = await lockSession(sql, userId, sessionId);
    if (!session) return null;
    demand(session.role, "change session", session.ownerId === userId);
    const row = only(
      await sql<Pick<Session, "id" | "name" | "auto_named" | "system_prompt">[]>`
      update sessions s set
        name = ${name !== undefined ? name : sql`name`},
        auto_named = ${name !== undefined ? false : sql`auto_named`},
        model = ${change.model !== undefined ? change.model : sql`model`},
        tools_ignored = ${change.model !== undefined ? null : sql`tools_ignored`},
        system_prompt = ${change.system_prompt !== undefined ? change.system_prompt : sql`system_prompt`}
      where s.id = ${sessionId} returning s.id, s.name, s.auto_named, s.system_prompt`,
    );
    const { session: summary, changes } = await recordSessionChanges(
      sql,
      { sessionId },
      name !== undefined ? [renamed(row)] : [],
    );
    return { session: { ...summary, system_prompt: row.system_prompt }, changes };
  });
}

/** The run of naming that asked a model for a session's name. */
export interface Naming {
  /** The run's own id: writing it again changes nothing. */
  id: string;
  sessionId: string;
  /** Whose usage it is: the user whose answered question gives the name. */
  userId: string;
  usage: UsageEntry[];
  /** null: none was found. */
  name: string | null;
}

/**
 * Writes the usage of a run of naming, and gives the session the name, unless it already has one.
 * @returns null when the name was not given
 */
export async function nameSession(
  pool: Pool,
  { id, sessionId, userId, usage, name }: Naming,
): Promise<ChangedSession<SessionSummary> | null> {
  const [row] = await pool<(SessionSummary & { list_version: number })[]>`
    select * from name_session_2(${id}, ${userId}, ${sessionId}, ${usageParameter(pool, usage)}, ${name})`;
  if (!row) return null;
  const { list_version: version, ...session } = row;
  const { frame } = renamed(session);
  return {
    session,
    changes: [
      { kind: "structure", frame: { ...frame, session_id: sessionId, version: session.version } },
      { kind: "list", of: { projectId: session.project_id }, frame: { type: "session_updated", session, version } },
    ],
  };
}

const renamed = ({ name, auto_named }: Pick<Session, "name" | "auto_named">) => ({
  kind: "structure" as const,
  frame: { type: "session_renamed" as const, name, auto_named },
});

/** Deletes a session and cancels its turns in one transaction. @returns null when the user may read no such session @throws Forbidden */
export async function deleteSession(
  pool: Pool,
  userId: string,
  sessionId: string,
): Promise<{ changes: Change[] } | null> {
  return await pool.begin(async (sql) => {
    const session = await lockSession(sql, userId, sessionId);
    if (!session) return null;
    demand(session.role, "change session", session.ownerId === userId);
    await sql`update sessions set deleted_at = now() where id = ${sessionId}`;
    const { cancelling } = await cancelTurnsOfSessions(sql, { sessionIds: [sessionId], reason: "session_deleted" });
    const { projectId } = session;
    const frame = { type: "session_deleted" as const, session_id: sessionId, project_id: projectId };
    const changes = [...hintsOfCancel(cancelling), { kind: "list" as const, frame }];
    return { changes: await recordChanges(sql, { projectId }, changes) };
  });
}
