import type { Fragment, Sql } from "./sql.ts";

/**
 * The status of a turn that a statement finds by its id, for comparisons; `turns` is the alias. The collation does not change the
 * result. It hides the comparison from the planner, which could otherwise prove from it that a partial index on `status` has the
 * turn. Postgres expects one row in such an index when no turn was live at the last ANALYZE, and prefers it to the primary key:
 * then each statement reads the live turns of all users. Plans for any parameters, which a connection uses from the sixth
 * execution on, are chosen in the same way.
 */
export const statusByKey = (sql: Sql, turns: Fragment = sql`turns`) => sql`${turns}.status collate "C"`;
