import type { Fragment, Sql } from "./sql.ts";

/**
 * The status of a turn that a statement finds by its id, for comparisons; `turns` is the alias. The collation does not change the
 * result. It hides the comparison from the planner, which could otherwise prove from it that a partial index on `status` has the
 * turn. Postgres expects one row in such an index when no turn was live at the last ANALYZE, and prefers it to the primary key:
 * then each statement reads the live turns of all users. Plans for any parameters, which a connection uses from the sixth
 * execution on, are chosen in the same way.
 */
export const statusByKey = (sql: Sql, turns: Fragment = sql`turns`) => sql`${turns}.status collate "C"`;

/**
 * The rows of `turns` that are live, for a `from` clause after `sessions s`. They are among the newest of the session, so that its
 * count of live turns tells when all are found: neither its other turns nor those of other sessions are read.
 */
export const liveTurnsOfSession = (sql: Sql) => sql`
  lateral (
    select * from turns live
    where live.session_id = s.id and ${statusByKey(sql, sql`live`)} in ('queued', 'running', 'cancelling')
    order by live.ordinal desc limit s.live_turns)`;
