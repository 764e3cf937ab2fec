import { connectPostgres } from "@boocode/runtime";
import * as store from "@boocode/store";
import { BY_KEY, type Call, newMine, OVER_LIVE } from "../../libs/store/test/every-call.ts";
import { countReads } from "../../libs/store/test/reads.ts";
import type { Lab } from "../lab.ts";
import { addLive, endRest, fill, type Large, runTurns } from "../scale/fill.ts";
import { withDatabase } from "../with-database.ts";

/*
 * Does the cost of a call grow with what is stored? Counts the blocks that each function of the store reads, with all its statements,
 * in a small database and in a large one (`--levels`: how many sessions; 1,000,000 take an hour): `quiet` without live turns and with
 * fresh statistics; with 1,000 live turns and the statistics of before (`stale`), and with fresh ones; and while a transaction holds
 * an old `snapshot`, as pg_dump does, and turns go on. Each with plans for the parameters at hand and for any parameters; the table
 * has the larger number. Counts do not depend on the load of the machine.
 */
const SMALL = 1_600;
/** A call may read so many times as much as in the small database, and so many blocks more: indexes are deeper, also for the planner. */
const [MOST, MORE] = [3, 100];

interface Filled {
  url: string;
  sql: store.Pool;
  large: Large;
}

export async function scale(lab: Lab): Promise<void> {
  const { smoke, levels } = lab.options;
  const sessions = levels?.[0] ?? (smoke ? SMALL / 4 : 20_000);
  const live = smoke ? 100 : 1_000;
  const modes = smoke ? ["force_generic_plan"] : ["force_custom_plan", "force_generic_plan"];
  const columns: Record<string, Map<string, number>> = {};
  const ask = async (column: string, { url, large, sql }: Filled) => {
    await flushCounts(sql);
    columns[column] = await measure(url, large, modes);
  };
  await withFilled(smoke ? SMALL / 4 : SMALL, (small) => ask("small", small));
  let written = { bytes: 0, hot: 0 };
  await withFilled(sessions, async (filled) => {
    const { sql, large, url } = filled;
    await ask("quiet", filled);
    await addLive(sql, large, live);
    await ask("stale", filled);
    if (smoke) return;
    await sql`vacuum (analyze)`;
    await ask("fresh", filled);
    written = await costOfWriting(sql, large, live);
    await withSnapshot(url, async () => {
      await runTurns(sql, large, 3_500);
      await ask("snapshot", filled);
    });
  });
  const rows = [...(columns.small?.keys() ?? [])].map((call) => {
    const counts = Object.fromEntries(Object.entries(columns).map(([column, of]) => [column, of.get(call) ?? 0]));
    const [least = 0, most] = [counts.small, Math.max(...Object.values(counts))];
    const isOver = most > MOST * least && most > least + MORE;
    return { call, ...counts, ratio: `${(most / Math.max(1, least)).toFixed(1)}${isOver ? " !" : ""}` };
  });
  for (const row of rows) lab.record("scale", { sessions, ...row });
  lab.table(`scale: blocks that each call reads, with ${sessions} sessions`, rows);
  if (!smoke) {
    const row = { "bytes of WAL": written.bytes, "HOT updates of turns": `${written.hot} %` };
    lab.table("scale: what a turn writes to turns and sessions", [row]);
  }
}

async function withFilled(sessions: number, act: (filled: Filled) => Promise<void>): Promise<void> {
  await withDatabase(async (sql, url) => {
    for (const table of ["turns", "sessions", "messages"])
      await sql`alter table ${sql(table)} set (autovacuum_enabled = off)`;
    const large = await fill(sql, sessions);
    await sql`vacuum (analyze)`;
    await act({ url, sql, large });
  });
}

/** Lists of the user who has much. In the small database that user has as much as fills a page. */
const lists = ({ userId, projectId, sessionId }: Large): Record<string, Call> => ({
  "listSessions of many sessions": (pool) => store.listSessions(pool, userId, projectId, { limit: 50 }),
  "listMessages of 21,000 messages": (pool) => store.listMessages(pool, userId, sessionId, { limit: 50 }),
  "readCounts of many sessions": (pool) => store.readCounts(pool, userId),
  forgetOldIdempotencyKeys: (pool) => store.forgetOldIdempotencyKeys(pool),
});

async function measure(url: string, large: Large, modes: string[]): Promise<Map<string, number>> {
  const blocks = new Map<string, number>();
  for (const mode of modes) {
    const target = new URL(url);
    target.searchParams.set("options", `-c plan_cache_mode=${mode}`);
    const pool = connectPostgres(target.href, { name: "bench", connections: 1, statementMs: 60_000 });
    try {
      for (const [name, call] of Object.entries({ ...BY_KEY, ...lists(large), ...OVER_LIVE })) {
        // For the second time, because planning reads, too.
        const first = await newMine(pool);
        await call(pool, first);
        const my = await newMine(pool);
        const read = await countReads(pool, () => call(pool, my));
        blocks.set(name, Math.max(blocks.get(name) ?? 0, read.blocks));
      }
      await endRest(pool);
    } finally {
      await pool.end({ timeout: 2 });
    }
  }
  return blocks;
}

async function withSnapshot(url: string, act: () => Promise<void>): Promise<void> {
  const pool = connectPostgres(url, { name: "dump", connections: 1 });
  try {
    await pool.begin("isolation level repeatable read read only", async (dump) => {
      await dump`set local idle_in_transaction_session_timeout = 0`;
      await dump`select count(*) from users`;
      await act();
    });
  } finally {
    await pool.end({ timeout: 2 });
  }
}

/** A connection keeps what it counted for a while. Each statement is sent on another connection of the pool. */
async function flushCounts(sql: store.Pool): Promise<void> {
  await Promise.all(Array.from({ length: sql.options.max }, () => sql`select pg_stat_force_next_flush()`));
}

/** What turns write, without images of pages that are written for the first time after a checkpoint. */
async function costOfWriting(sql: store.Pool, large: Large, turns: number): Promise<{ bytes: number; hot: number }> {
  const read = async () => {
    await flushCounts(sql);
    const rows = await sql<{ wal: number; updates: number; hot: number }[]>`
      select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::float8 as wal, n_tup_upd::int as updates, n_tup_hot_upd::int as hot
      from pg_stat_user_tables where relname = 'turns'`;
    return store.only(rows);
  };
  await sql.unsafe("alter system set full_page_writes = off");
  await sql`select pg_reload_conf()`;
  await sql`checkpoint`;
  const before = await read();
  await runTurns(sql, large, turns);
  const after = await read();
  const hot = (after.hot - before.hot) / (after.updates - before.updates);
  return { bytes: Math.round((after.wal - before.wal) / turns), hot: Math.round(100 * hot) };
}
