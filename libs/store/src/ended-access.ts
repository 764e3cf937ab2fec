import { only, type Sql } from "./sql.ts";

/** What a look at the ended access found. */
export interface EndedAccess {
  /** Where the next look goes on; null: it cannot, and must take the access of all users for changed. */
  mark: string | null;
  /** The database's time, as an ISO timestamp. */
  now: string;
  /** The users whose access to something ended between the two looks; null: unknown, it may be every user. */
  userIds: string[] | null;
}

/**
 * Reads whose access ended since an earlier look: a token was revoked, the user disabled or deleted, a project unshared or deleted.
 * What shows that a single session was deleted is its position. One statement, whose cost does not depend on the number of users.
 * @param since the `mark` of the earlier look; null: there was none
 */
export async function readEndedAccess(sql: Sql, since: string | null): Promise<EndedAccess> {
  // A mark is the server's start time and a snapshot. Another server, such as one that took over, may have given transactions the same
  // numbers, and in recovery a snapshot does not list the running transactions.
  const [server = "", snapshot = ""] = since?.split(" ") ?? [];
  const found = only(
    await sql<{ server: string; snapshot: string | null; now: string; userIds: string[] }[]>`
      select extract(epoch from pg_postmaster_start_time())::text as server, now() as now,
        case when not pg_is_in_recovery() then pg_current_snapshot()::text end as snapshot,
        array(
          select distinct user_id from ended_access
          where xid >= pg_snapshot_xmin(last.snapshot) and not pg_visible_in_snapshot(xid, last.snapshot)) as "userIds"
      from (select coalesce(nullif(${snapshot}, ''), pg_current_snapshot()::text)::pg_snapshot as snapshot) last`,
  );
  return {
    mark: found.snapshot === null ? null : `${found.server} ${found.snapshot}`,
    now: found.now,
    userIds: since !== null && server === found.server ? found.userIds : null,
  };
}
