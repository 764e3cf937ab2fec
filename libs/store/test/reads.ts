import type { Pool } from "@boocode/store";

/** What a call read of the tables that grow. */
export interface Reads {
  /** Of each table, the rows that were read one after the other and the entries of its indexes. */
  rows: Record<string, number>;
  /** The blocks of all tables and indexes, each time that one was looked at. */
  blocks: number;
}

/**
 * Counts what `act` reads.
 * @param pool with a single connection, which `act` uses, to a database that is not used otherwise: statistics are of a connection and
 *   reach the views when it is asked to send them
 */
export async function countReads(pool: Pool, act: () => Promise<unknown>): Promise<Reads> {
  const before = await readSoFar(pool);
  await act();
  const after = await readSoFar(pool);
  const rows = Object.entries(after.rows).map(([name, read]) => [name, read - (before.rows[name] ?? 0)]);
  return { rows: Object.fromEntries(rows), blocks: after.blocks - before.blocks };
}

async function readSoFar(pool: Pool): Promise<Reads> {
  await pool`select pg_stat_force_next_flush()`;
  const [row] = await pool<Reads[]>`
    select (
      select jsonb_object_agg(t.relname, t.seq_tup_read + (
        select sum(i.idx_tup_read) from pg_stat_user_indexes i where i.relid = t.relid))
      from pg_stat_user_tables t where t.relname in ('turns', 'sessions', 'messages', 'idempotency_keys')) as rows,
      (select sum(coalesce(heap_blks_read, 0) + coalesce(heap_blks_hit, 0) + coalesce(idx_blks_read, 0) + coalesce(idx_blks_hit, 0)
        + coalesce(toast_blks_read, 0) + coalesce(toast_blks_hit, 0) + coalesce(tidx_blks_read, 0) + coalesce(tidx_blks_hit, 0))
      from pg_statio_user_tables)::int as blocks`;
  if (!row) throw new Error("a statement that always returns a row returned none");
  return row;
}
