import { randomUUID } from "node:crypto";
import type { Grant } from "@boocode/contracts";
import { ownedProject } from "../access.ts";
import { type Actor, recordAudit } from "../audit.ts";
import type { Change } from "../changes.ts";
import { only, type Pool, type Sql } from "../sql.ts";
import { cancelRevokedTurns } from "./cancel-revoked.ts";

/** What decides which folders a user's projects may lie in, apart from the configuration. */
export interface FolderHolder {
  slug: string;
  /** The real paths of the granted folders. */
  grants: string[];
}

/** More would slow down each claim, which reads all grants of the project's owner. */
export const MOST_GRANTS = 1_000;

/** An expression over `users u`: a FolderHolder. */
export const folderHolder = (sql: Sql) => sql`
  jsonb_build_object('slug', u.slug, 'grants',
    (select coalesce(jsonb_agg(g.path order by g.path), '[]') from grants g where g.user_id = u.id))`;

/** @returns null when there is no such user */
export async function findFolderHolder(sql: Sql, userId: string): Promise<FolderHolder | null> {
  const [row] = await sql<{ holder: FolderHolder }[]>`
    select ${folderHolder(sql)} as holder from users u where u.id = ${userId} and u.deleted_at is null`;
  return row?.holder ?? null;
}

const columns = (sql: Sql) => sql`g.id, g.path, g.granted_by, g.created_at`;

/** Lists a user's grants by path, for administrators. @returns null when there is no such user */
export async function listGrants(sql: Sql, userId: string): Promise<Grant[] | null> {
  const [user] = await sql`select from users where id = ${userId} and deleted_at is null`;
  if (!user) return null;
  return await sql<Grant[]>`select ${columns(sql)} from grants g where g.user_id = ${userId} order by g.path, g.id`;
}

/** Lists every user who is not deleted, with the user's folders, to compare the users with each other. */
export async function listFolderHolders(sql: Sql): Promise<(FolderHolder & { name: string })[]> {
  const rows = await sql<{ name: string; holder: FolderHolder }[]>`
    select u.name, ${folderHolder(sql)} as holder from users u where u.deleted_at is null order by u.name`;
  return rows.map(({ name, holder }) => ({ name, ...holder }));
}

interface NewGrant {
  userId: string;
  /** A real path, which the caller has compared with PROJECT_ROOTS. */
  path: string;
  by: Actor;
}

/**
 * Grants a folder. A folder that the user was granted before stays granted as it was.
 * @returns `no_user` when there is none; `too_many` when the user has as many grants as are allowed
 */
export async function createGrant(pool: Pool, { userId, path, by }: NewGrant): Promise<Grant | "no_user" | "too_many"> {
  return await pool.begin(async (sql) => {
    // The lock makes concurrent grants of the same folder one grant.
    const [user] = await sql`select from users where id = ${userId} and deleted_at is null for no key update`;
    if (!user) return "no_user";
    const grants = await sql<Grant[]>`select ${columns(sql)} from grants g where g.user_id = ${userId}`;
    const known = grants.find((grant) => grant.path === path);
    if (known) return known;
    if (grants.length >= MOST_GRANTS) return "too_many";
    const grantedBy = typeof by === "string" ? null : by.userId;
    const grant = only(
      await sql<Grant[]>`
        insert into grants as g (id, user_id, path, granted_by)
        values (${randomUUID()}, ${userId}, ${path}, ${grantedBy}) returning ${columns(sql)}`,
    );
    await recordAudit(sql, { event: "grant.added", actor: by, userId, detail: { path } });
    return grant;
  });
}

interface LostGrant {
  userId: string;
  grantId: string;
  /** The real paths of the folders that the user keeps by USER_ROOTS. */
  ownFolders: string[];
  by: Actor;
}

/**
 * Takes a grant back and cancels the turns on those of the user's projects that no other grant covers. The projects stay.
 * @returns null when the user has no such grant
 */
export async function deleteGrant(
  pool: Pool,
  { userId, grantId, ownFolders, by }: LostGrant,
): Promise<{ path: string; changes: Change[] } | null> {
  const cancelTurns = async (sql: Sql, path: string) => {
    const uncovered = await sql<{ id: string }[]>`
      select p.id from projects p
      where ${ownedProject(sql, userId)} and ${covers(sql, sql`${path}::text`)}
        and not exists (select from grants g where g.user_id = ${userId} and ${covers(sql, sql`g.path`)})
        and not exists (select from unnest(${ownFolders}::text[]) as own (path) where ${covers(sql, sql`own.path`)})`;
    const projects = uncovered.map(({ id }) => id);
    return await cancelRevokedTurns(sql, sql`s.project_id = any(${projects}::uuid[])`);
  };
  const deleted = await pool.begin(async (sql) => {
    const [grant] = await sql<{ path: string }[]>`
      delete from grants where id = ${grantId} and user_id = ${userId} returning path`;
    if (!grant) return null;
    const changes = await cancelTurns(sql, grant.path);
    await recordAudit(sql, { event: "grant.revoked", actor: by, userId, detail: { path: grant.path } });
    return { path: grant.path, changes };
  });
  if (!deleted) return null;
  // A turn that was posted and claimed while that transaction ran has read the grant and is visible only now.
  const late = await pool.begin((sql) => cancelTurns(sql, deleted.path));
  return { path: deleted.path, changes: [...deleted.changes, ...late] };
}

/** A condition on `projects p`: its path is within a folder. The same as `isWithin` of libs/runtime. */
const covers = (sql: Sql, folder: ReturnType<typeof columns>) => sql`
  starts_with(p.path || '/', rtrim(${folder}, '/') || '/')`;
