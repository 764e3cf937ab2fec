import type { Postgres } from "@boocode/runtime";
import { quantile } from "../report/statistics.ts";

/** Indexes on the texts themselves, with which the search was compared (docs/decisions.md). */
const ALTERNATIVES = {
  "text search, simple": {
    index: "gin (to_tsvector('simple', content))",
    finds: (sql: Postgres, query: string) =>
      sql`to_tsvector('simple', m.content) @@ plainto_tsquery('simple', ${query})`,
  },
  pg_trgm: {
    index: "gin (content gin_trgm_ops)",
    finds: (sql: Postgres, query: string) => sql`m.content ilike ${`%${query}%`}`,
  },
};

/**
 * Measures what such an index costs and how long the newest 20 messages of a user take, medians of 5, for each kind of query. It changes the
 * table, so that it comes last.
 */
export async function measureAlternatives(sql: Postgres, userId: string, queries: Record<string, string>) {
  const rows: Record<string, string | number>[] = [];
  for (const [name, { index, finds }] of Object.entries(ALTERNATIVES)) {
    if (name === "pg_trgm") {
      const made = await sql`create extension pg_trgm`.catch((error: Error) => error);
      if (made instanceof Error) {
        rows.push({ index: name, note: made.message });
        continue;
      }
    }
    await sql.unsafe(`create index alternative on messages using ${index} with (fastupdate = off)`);
    await sql`analyze messages`;
    const [size] = await sql<{ kb: number }[]>`
      select pg_relation_size('alternative') / 1024.0 / (select count(*) from messages) as kb`;
    const row: Record<string, string | number> = { index: name, "KB a text": Number(Number(size?.kb).toFixed(2)) };
    for (const [kind, query] of Object.entries(queries)) {
      const times: number[] = [];
      let found = 0;
      for (let round = 0; round < 5; round++) {
        const start = performance.now();
        const read = sql`
          select m.id from messages m where m.owner_id = ${userId} and ${finds(sql, query)} order by m.created_at desc limit 20`;
        found = await read.then(
          (all) => all.length,
          () => -1,
        );
        times.push(performance.now() - start);
      }
      row[kind] = `${quantile(times, 0.5).toFixed(0)} ms, ${found < 0 ? "failed" : found}`;
    }
    rows.push(row);
    await sql`drop index alternative`;
  }
  return rows;
}
