import type { ProjectRole } from "@boocode/contracts";
import { type Right, roleHas } from "./sharing/rights.ts";
import type { Fragment, Sql } from "./sql.ts";

/*
 * The rows that a user may read and change. Every statement on behalf of a user uses these predicates (owners.test.ts finds
 * those that do not), so that a change of roles needs a change here and in rights.ts only. To the user, an excluded row does not
 * exist; what the user may read but not do is refused with `Forbidden`.
 */

/** The user may read the thing, and so know that it exists, but not do this with it. */
export class Forbidden extends Error {
  override name = "Forbidden";
}

/** A condition on `projects p`: its owner shares it with the user, or is the user. */
export const readableProject = (sql: Sql, userId: string | Fragment) => sql`
  p.deleted_at is null and (p.owner_id = ${userId} or exists (
    select from project_members pm where pm.project_id = p.id and pm.user_id = ${userId}))`;

/** A condition on `projects p`: what goes with its owner. */
export const ownedProject = (sql: Sql, userId: string) => sql`p.owner_id = ${userId} and p.deleted_at is null`;

/** The ids of all projects, deleted ones too, that a user may read or could. By index, unlike `readableProject`. */
export const projectIdsOf = (sql: Sql, userId: string) => sql`
  select id from projects where owner_id = ${userId}
  union all select project_id from project_members where user_id = ${userId}`;

/** The user's role in `projects p`; null: none. */
export const roleInProject = (sql: Sql, userId: string) => sql`
  case when p.owner_id = ${userId} then 'owner'
    else (select pm.role from project_members pm where pm.project_id = p.id and pm.user_id = ${userId}) end`;

/** A condition on `sessions s`: it is not deleted, and neither is its project, whose sessions are marked later and in batches. */
export const existingSession = (sql: Sql) => sql`
  s.deleted_at is null and exists (select from projects its where its.id = s.project_id and its.deleted_at is null)`;

/** A condition on `sessions s`. */
export const readableSession = (sql: Sql, userId: string | Fragment) => sql`
  s.deleted_at is null and exists (select from projects p where p.id = s.project_id and ${readableProject(sql, userId)})`;

/** A condition on `messages m`. */
export const readableMessage = (sql: Sql, userId: string) => sql`
  m.deleted_at is null and exists (select from sessions s where s.id = m.session_id and ${readableSession(sql, userId)})`;

/** A condition on `turns t`. */
export const readableTurn = (sql: Sql, userId: string) => sql`
  exists (select from sessions s where s.id = t.session_id and ${readableSession(sql, userId)})`;

/** A condition on `turns t`: the user asked. */
export const askedBy = (sql: Sql, userId: string) => sql`t.owner_id = ${userId}`;

/** A condition on `usage u`: the user asked. Its rows outlive what they refer to. */
export const usageOf = (sql: Sql, userId: string | Fragment) => sql`u.user_id = ${userId}`;

/** A condition on `shares h`: the user shares. */
export const sharedBy = (sql: Sql, userId: string) => sql`h.user_id = ${userId}`;

/** A condition on `shares h`: the link works. It ends with the session, and with the access of the user who shares it. */
export const liveShare = (sql: Sql) => sql`
  h.revoked_at is null and h.expires_at > now()
  and exists (select from users u where u.id = h.user_id and u.disabled_at is null and u.deleted_at is null)
  and exists (select from sessions s where s.id = h.session_id and ${readableSession(sql, sql`h.user_id`)})`;

/** A condition on rows with an owner: they are the user's own, also where others may read them. */
export const ownedBy = (sql: Sql, rows: ReturnType<typeof askedBy>, userId: string | Fragment) =>
  sql`${rows}.owner_id = ${userId}`;

/** A project whose row the transaction has locked. */
export interface LockedProject {
  role: ProjectRole;
  /** The version of its list. */
  version: number;
}

/** Locks a project for a change. @returns null when the user may not read such a project */
export async function lockProject(sql: Sql, userId: string, projectId: string): Promise<LockedProject | null> {
  const [project] = await sql<LockedProject[]>`
    select ${roleInProject(sql, userId)} as role, p.version from projects p
    where p.id = ${projectId} and ${readableProject(sql, userId)} for no key update of p`;
  return project ?? null;
}

/**
 * Reads a user's role in a project and locks a shared one, so that it cannot be taken back before the transaction ends. The
 * project itself is not locked: every change of its list waits for that lock. @returns null when the user may not read it
 */
export async function readRole(sql: Sql, userId: string, projectId: string): Promise<ProjectRole | null> {
  const [project] = await sql<LockedProject[]>`
    select ${roleInProject(sql, userId)} as role from projects p where p.id = ${projectId} and ${readableProject(sql, userId)}`;
  if (!project || project.role === "owner") return project?.role ?? null;
  const [member] = await sql<LockedProject[]>`
    select pm.role from project_members pm where pm.project_id = ${projectId} and pm.user_id = ${userId} for share`;
  return member?.role ?? null;
}

/** An expression: the user's role in the project of a session; null: the user may not read the session. */
export const roleInSession = (sql: Sql, userId: string, sessionId: string) => sql`(
  select ${roleInProject(sql, userId)} from sessions s join projects p on p.id = s.project_id
  where s.id = ${sessionId} and ${readableSession(sql, userId)})`;

/** A session whose row the transaction has locked, and the role of the user who wants to change it. */
export interface LockedSession {
  projectId: string;
  /** The user who created it. */
  ownerId: string;
  /** The ordinal of its newest turn; 0 when it has none. */
  lastOrdinal: number;
  role: ProjectRole;
}

/**
 * Locks a session for a change of its structure. The user's role is locked as well, so that it cannot be taken back before the
 * transaction ends: whoever takes it back finds the turn that this transaction queues.
 * @returns null when the user may not read such a session
 */
export async function lockSession(sql: Sql, userId: string, sessionId: string): Promise<LockedSession | null> {
  const [session] = await sql<LockedSession[]>`
    select (l.session).project_id as "projectId", (l.session).owner_id as "ownerId",
      (l.session).last_ordinal as "lastOrdinal", l.role
    from lock_session_1(${userId}, ${sessionId}, ${roleInSession(sql, userId, sessionId)}) l where l.role is not null`;
  return session ?? null;
}

/** @param isOwn whether the turn or session is the user's own @throws Forbidden when the role lacks the right */
export function demand(role: ProjectRole, right: Right, isOwn: boolean): void {
  if (!roleHas(role, right, isOwn)) throw forbiddenTo(role);
}

export const forbiddenTo = (role: ProjectRole) =>
  new Forbidden(`your role in this project, ${role}, does not permit this`);
