import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createDatabase, migrate } from "@boocode/backing-services";
import postgres from "postgres";
import { expect, inject, onTestFinished, test } from "vitest";
import { withoutPassword, withoutTlsOnLoopback } from "../src/database/migrate.ts";
import { temporaryFolder } from "./temporary-folder.ts";

test("three concurrent migrations of a missing database run each file once", async () => {
  const folder = await migrations("create table note (id int); select pg_sleep(0.2);");
  const probe = await createDatabase(inject("postgresUrl"));
  await probe.drop();
  onTestFinished(probe.drop);
  const lines: string[] = [];
  await Promise.all([1, 2, 3].map(() => migrate(probe.url, { folder, log: (line) => lines.push(line) })));
  expect(lines.filter((line) => line.startsWith("Applied"))).toHaveLength(1);
  const sql = postgres(probe.url, { max: 1 });
  expect(await sql`select * from note`).toHaveLength(0);
  await sql.end();
});

test("a failed migration is reported with dbmate's error and without the password", async () => {
  const folder = await migrations("create table note (id nonsense);");
  const database = await createDatabase(inject("postgresUrl"));
  onTestFinished(database.drop);
  const failure = await migrate(database.url, { folder }).catch((error: Error) => error.message);
  expect(failure).toMatch(/type "nonsense" does not exist/);
  expect(failure).not.toContain(new URL(database.url).password);
});

test("TLS is disabled only on this machine and only when the URL does not mention it", () => {
  expect(withoutTlsOnLoopback("postgres://a:b@127.0.0.1:1/x")).toContain("sslmode=disable");
  expect(withoutTlsOnLoopback("postgres://a:b@localhost/x?sslmode=require")).toContain("sslmode=require");
  expect(withoutTlsOnLoopback("postgres://a:b@db.example.org/x")).not.toContain("sslmode");
});

test("a password is hidden both URL-encoded and decoded", () => {
  expect(withoutPassword("p%40ss and p@ss", "postgres://a:p%40ss@h/x")).toBe("*** and ***");
});

async function migrations(up: string): Promise<string> {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "0001_note.sql"), `-- migrate:up\n${up}\n-- migrate:down\n`);
  return folder;
}
