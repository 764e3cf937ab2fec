import { testDatabase } from "@boocode/backing-services/testing";
import { connectPostgres } from "@boocode/runtime";
import { test } from "vitest";
test("probe", async () => {
  const database = await testDatabase();
  const pool = connectPostgres(database.url, { name: "tested", connections: 3 });
  const watcher = connectPostgres(database.url, { name: "watcher", connections: 1 });
  const errs: unknown[] = [];
  process.on("uncaughtException", (e) => errs.push(e));
  const limit = <T>(what: string, p: Promise<T>) => Promise.race([p, new Promise<never>((_, r) => setTimeout(() => r(new Error(what)), 4000))]);
  for (let round = 0; round < 80; round++) {
    const t0 = performance.now();
    const log: string[] = [];
    const broken = pool.begin(async (sql) => { log.push("begun"); await sql`select 1`; log.push("one"); await sql`select pg_sleep(20)`; }).then(() => "ok", (e) => { log.push(`${e.code} ${e.message}`); return e.code; });
    try {
      const pid = await limit("find", (async () => { for (;;) { const [r] = await watcher`select pid from pg_stat_activity where application_name='tested' and state='active' and query like '%pg_sleep%' limit 1`; if (r) return r.pid; } })());
      await watcher`select pg_terminate_backend(${pid})`;
      await limit("outcome", broken);
      await limit("answers", Promise.all(Array.from({ length: 6 }, (_, i) => pool.begin((sql) => sql`select ${i}::int as i`))));
    } catch (e) {
      console.log("ROUND", round, String(e), log, errs.map(String));
      console.log(await watcher`select pid, state, query, wait_event from pg_stat_activity where application_name='tested'`);
      if (String(e).includes("answers")) break;
      break;
    }
    if (performance.now() - t0 > 1500) console.log("slow", round, performance.now() - t0, log);
  }
  console.log("errs", errs.map(String));
  await database.drop();
}, 100_000);
