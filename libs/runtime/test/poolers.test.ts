import { testDatabase } from "@boocode/backing-services/testing";
import { connectPostgres, untilPostgresReady } from "@boocode/runtime";
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Pooler, startPooler } from "./pooler.ts";

let database: Awaited<ReturnType<typeof testDatabase>>;

beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

async function through(pooler: Pooler, connections = 3): Promise<string> {
  const pool = connectPostgres(pooler.url, { name: "pooled", connections });
  try {
    await untilPostgresReady(pool, 5_000);
    const asked = Array.from(
      { length: 60 },
      (_, n) => pool`select ${n}::int as n, current_setting('lock_timeout') as lock`,
    );
    const answers = await Promise.all(asked);
    expect(answers.map((rows) => [...rows])).toEqual(answers.map((_, n) => [{ n, lock: "4s" }]));
    return "works";
  } catch (error) {
    return (error as Error).message;
  } finally {
    await pool.end({ timeout: 2 });
  }
}

test("the stand-in refuses what PgBouncer refuses", async () => {
  const pooler = await startPooler(database.url, { mode: "session", servers: 1 });
  const sql = postgres(pooler.url, { max: 1, connection: { statement_timeout: 5_000 } });
  await expect(sql`select 1`).rejects.toThrow("unsupported startup parameter: statement_timeout");
  await sql.end();
  await pooler.close();
});

test("through a pooler in session mode each session has its settings, even if another client used the server session before", async () => {
  const pooler = await startPooler(database.url, { mode: "session", servers: 4 });
  expect([await through(pooler), await through(pooler)]).toEqual(["works", "works"]);
  await pooler.close();
});

test("a full pooler in session mode is not taken for one in transaction mode", async () => {
  const pooler = await startPooler(database.url, { mode: "session", servers: 1 });
  expect(await through(pooler, 1)).toBe("works");
  await pooler.close();
});

test.each([
  [1, "last"],
  [5, "last"],
  [5, "round robin"],
] as const)("a pooler in transaction mode is refused with what to do: %i servers, %s", async (servers, order) => {
  const pooler = await startPooler(database.url, { mode: "transaction", servers, order });
  expect(await through(pooler)).toMatch(/pooler in transaction or statement mode.*pool_mode = session/);
  // Nothing was changed in the sessions of others.
  expect(pooler.statements.filter((text) => /set_config|\bset\b/i.test(text))).toEqual([]);
  await pooler.close();
});
