import { projectIdsOf } from "../access.ts";
import { only, type Sql } from "../sql.ts";

/*
 * The lists of a user are the projects that the user may read and the sessions of each. A change of one project's part raises
 * that project's version, however many users see it; sharing and unsharing raise the version of the user. The version of the
 * user's lists is the sum of both, so it grows by one with each change, and by more at unsharing. A sum never falls: when a
 * project leaves it, by unsharing or purging, its version is added to the user's. So equal sums mean that nothing was missed.
 */

/** Raises the version of a project's list. @param lastSessionId the session that was used last @returns the new version */
export async function raiseProjectVersion(
  sql: Sql,
  projectId: string,
  by: number,
  lastSessionId?: string,
): Promise<number> {
  const last = lastSessionId === undefined ? sql`` : sql`, last_session_id = ${lastSessionId}`;
  const { version } = only(
    await sql<{ version: number }[]>`
      update projects set version = version + ${by}::int ${last} where id = ${projectId} returning version`,
  );
  return version;
}

/** An expression over `users u`. */
const listVersion = (sql: Sql) => sql`(u.version
  + coalesce((select sum(p.version) from projects p where p.owner_id = u.id), 0)
  + coalesce((select sum(p.version) from project_members pm join projects p on p.id = pm.project_id where pm.user_id = u.id), 0)
  )::bigint`;

/** The version of a user's lists. */
export interface ListVersion {
  total: number;
  /** The user's own part, which tells of sharing and unsharing. */
  user: number;
}

/** Reads the versions of several users' lists, for the gateway's position check. */
export async function readListVersions(sql: Sql, userIds: string[]): Promise<Map<string, ListVersion>> {
  const rows = await sql<(ListVersion & { id: string })[]>`
    select u.id, ${listVersion(sql)} as total, u.version as user from users u where u.id = any(${userIds}::uuid[])`;
  return new Map(rows.map(({ id, total, user }) => [id, { total, user }]));
}

/** The version of a user's lists, and the parts of it that a gateway follows. */
export interface ListVersions extends ListVersion {
  projects: { id: string; version: number }[];
}

/** @param limit the most projects that are returned, the newest first; all count in the total */
export async function readListParts(sql: Sql, userId: string, limit: number): Promise<ListVersions> {
  const [row] = await sql<ListVersions[]>`
    select ${listVersion(sql)} as total, u.version as user, (
      select coalesce(jsonb_agg(jsonb_build_object('id', part.id, 'version', part.version)), '[]') from (
        select p.id, p.version from projects p
        where p.id in (${projectIdsOf(sql, userId)}) and p.deleted_at is null
        order by p.added_at desc, p.id limit ${limit}) part) as projects
    from users u where u.id = ${userId}`;
  return row ?? { total: 0, user: 0, projects: [] };
}

/** Adds the versions of projects that are about to be removed to those of all users in whose sums they are. */
export async function keepVersionsOf(sql: Sql, projectIds: string[]): Promise<void> {
  await sql`
    update users u set version = u.version + gone.version
    from (
      select seen.user_id, sum(p.version)::bigint as version
      from projects p cross join lateral (
        select p.owner_id as user_id
        union all select pm.user_id from project_members pm where pm.project_id = p.id
      ) seen
      where p.id = any(${projectIds}::uuid[]) group by seen.user_id
    ) gone
    where u.id = gone.user_id and gone.version > 0`;
}
