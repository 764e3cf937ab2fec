import type postgres from "postgres";

/*
 * Locks are taken in one order everywhere: sessions (by id), then turns (by id), then messages, then projects, then users. A
 * statement that needs only later ones may skip the earlier; none goes back.
 */

/** A pool, for the functions that open a transaction of their own. */
export type Pool = postgres.Sql<Record<string, unknown>>;

/** A pool or a transaction: these functions open no transaction. */
export type Sql = Pool | postgres.TransactionSql<Record<string, unknown>>;

/** Deadlines and leases count in milliseconds here and in intervals there; the clock is the database's alone. */
export const milliseconds = (sql: Sql, ms: number) => sql`make_interval(secs => ${ms / 1000})`;

/** @returns the first row of a statement that always returns one */
export function only<T>(rows: readonly T[]): T {
  const row = rows[0];
  if (row === undefined) throw new Error("a statement that always returns a row returned none");
  return row;
}
