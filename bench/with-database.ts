import { migrate, startPostgres } from "@boocode/backing-services";
import { connectPostgres, type Postgres } from "@boocode/runtime";

/** Runs the work with an empty database of its own, on a server that keeps nothing on disk. */
export async function withDatabase<T>(work: (sql: Postgres, url: string) => Promise<T>): Promise<T> {
  const postgres = await startPostgres({ keep: false, order: ["installed", "embedded"] });
  try {
    await migrate(postgres.url, { log: () => {} });
    const sql = connectPostgres(postgres.url, { name: "bench", connections: 10, statementMs: 0 });
    try {
      return await work(sql, postgres.url);
    } finally {
      await sql.end({ timeout: 2 });
    }
  } finally {
    await postgres.stop();
  }
}
