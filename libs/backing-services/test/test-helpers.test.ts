import { testDatabase, testRedis } from "@boocode/backing-services/testing";
import postgres from "postgres";
import { expect, test } from "vitest";

test("a test file gets its own migrated database, which is gone after drop", async () => {
  const [one, two] = await Promise.all([testDatabase(), testDatabase()]);
  expect(one.url).not.toBe(two.url);
  const sql = postgres(one.url, { max: 1, connect_timeout: 2 });
  expect(await sql`select tablename from pg_tables where schemaname = 'public'`).not.toHaveLength(0);
  await sql.end();
  await Promise.all([one.drop(), two.drop()]);
  const dropped = postgres(one.url, { max: 1, connect_timeout: 2 });
  await expect(dropped`select 1`).rejects.toThrow(/does not exist/);
  await dropped.end();
});

test("a test file gets its own Redis", async () => {
  const [one, two] = await Promise.all([testRedis(), testRedis()]);
  expect(one.pid).not.toBe(two.pid);
  await Promise.all([one.stop(), two.stop()]);
});
