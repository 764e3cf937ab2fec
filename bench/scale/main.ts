import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDatabase, migrate, startBackingServices } from "@boocode/backing-services";
import { connectPostgres } from "@boocode/runtime";
import * as store from "@boocode/store";
import { BY_KEY, type Mine, newMine, OVER_LIVE } from "../../libs/store/test/every-call.ts";
import { countReads } from "../../libs/store/test/reads.ts";
import { addLive, endRest, fill, type Large, runTurns } from "./fill.ts";

/*
 * `npm run bench -- scale [sessions]` or `npx tsx bench/scale/main.ts [sessions]`; 1,000,000 sessions take about an hour.
 *
 * Does the cost of a call grow with what is stored? Counts the blocks that each function of the store reads in a small database and
 * in a large one: without live turns and with fresh statistics; with 1,000 live turns and the statistics of before, and with fresh
 * ones; and while a transaction holds an old snapshot, as pg_dump does, and turns go on. Each with the plans for the parameters at
 * hand and with those for any parameters; the table has the larger number. Counts do not depend on the load of the machine.
 */
const SESSIONS = Number(process.argv[2] ?? 20_000);
const LIVE = 1_000;
const TURNS_DURING_SNAPSHOT = 3_500;
/** A call may read so many times as much as in the small database, and so many blocks more: indexes are deeper, also for the planner. */
const [MOST, MORE] = [3, 100];
const MODES = ["force_custom_plan", "force_generic_plan"];

type Call = (pool: store.Pool, my: Mine) => Promise<unknown>;

/** Lists of the user who has much. In the small database that user has as much as fills a page. */
const lists = ({ userId, projectId, sessionId }: Large): Record<string, Call> => ({
  "listSessions, many sessions": (pool) => store.listSessions(pool, userId, projectId, { limit: 50 }),
  "listMessages, many messages": (pool) => store.listMessages(pool, userId, sessionId, { limit: 50 }),
  "readCounts, many sessions": (pool) => store.readCounts(pool, userId),
  forgetOldIdempotencyKeys: (pool) => store.forgetOldIdempotencyKeys(pool),
});

async function measure(url: string, large: Large): Promise<Map<string, number>> {
  const blocks = new Map<string, number>();
  for (const mode of MODES) {
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

const dataDir = mkdtempSync(join(tmpdir(), "boocode-bench-"));
const backing = await startBackingServices({ dataDir, keep: false, log: () => {} });
const log = (line: string) => console.error(`${new Date().toISOString().slice(11, 19)} ${line}`);
try {
  const columns: Record<string, Map<string, number>> = {};
  const small = await createDatabase(backing.databaseUrl);
  const big = await createDatabase(backing.databaseUrl);
  const prepare = async (url: string, sessions: number) => {
    await migrate(url, { log: () => {} });
    const sql = connectPostgres(url, { name: "fill", connections: 1, statementMs: 0 });
    for (const table of ["turns", "sessions", "messages"])
      await sql`alter table ${sql(table)} set (autovacuum_enabled = off)`;
    const large = await fill(sql, sessions);
    await sql`vacuum (analyze)`;
    return { sql, large };
  };
  log(`filling: ${SESSIONS} sessions`);
  const little = await prepare(small.url, 1_600);
  columns.small = await measure(small.url, little.large);
  const { sql, large } = await prepare(big.url, SESSIONS);
  log("asking");
  columns.quiet = await measure(big.url, large);
  await addLive(sql, large, LIVE);
  columns.stale = await measure(big.url, large);
  await sql`vacuum (analyze)`;
  columns.fresh = await measure(big.url, large);
  const costs = await costOfWriting(sql, large);
  const old = connectPostgres(big.url, { name: "dump", connections: 1 });
  await old.begin("isolation level repeatable read read only", async (dump) => {
    await dump`set local idle_in_transaction_session_timeout = 0`;
    await dump`select count(*) from users`;
    await runTurns(sql, large, TURNS_DURING_SNAPSHOT);
    columns.snapshot = await measure(big.url, large);
  });
  await old.end();
  await sql.end();
  await little.sql.end();
  print(columns);
  console.log(costs);
} finally {
  await backing.stop();
  rmSync(dataDir, { recursive: true, force: true });
}

/** What 1,000 turns write, without images of pages that are written for the first time after a checkpoint. */
async function costOfWriting(sql: store.Pool, large: Large): Promise<string> {
  const read = async () => {
    await sql`select pg_stat_force_next_flush()`;
    const [row] = await sql<[{ wal: number; updates: number; hot: number }]>`
      select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::float8 as wal, n_tup_upd::int as updates, n_tup_hot_upd::int as hot
      from pg_stat_user_tables where relname = 'turns'`;
    return row;
  };
  await sql.unsafe("alter system set full_page_writes = off");
  await sql`select pg_reload_conf()`;
  await sql`checkpoint`;
  const before = await read();
  await runTurns(sql, large, LIVE);
  const after = await read();
  const hot = (after.hot - before.hot) / (after.updates - before.updates);
  return `a turn writes ${Math.round((after.wal - before.wal) / LIVE)} bytes of WAL for turns and sessions; ${Math.round(100 * hot)} % of its updates of turns are HOT`;
}

function print(columns: Record<string, Map<string, number>>): void {
  const names = Object.keys(columns);
  console.log(["| blocks read", ...names, "worst |"].join(" | "));
  console.log(`|---${"|---:".repeat(names.length + 1)}|`);
  let over = 0;
  for (const name of columns.small?.keys() ?? []) {
    const counts = names.map((column) => columns[column]?.get(name) ?? 0);
    const [least = 0, most] = [counts[0], Math.max(...counts)];
    const isOver = most > MOST * least && most > least + MORE;
    if (isOver) over++;
    console.log(`| ${name} | ${counts.join(" | ")} | ${(most / Math.max(1, least)).toFixed(1)}${isOver ? " !" : ""} |`);
  }
  console.log(
    `\n${over} of ${columns.small?.size} read more than ${MOST} times as much as in a small database, and ${MORE} blocks more`,
  );
}
