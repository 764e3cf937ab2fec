import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDatabase } from "@boocode/backing-services";
import { connectPostgres, migrate } from "@boocode/runtime";
import { afterEach, beforeEach, expect, inject, onTestFinished, test } from "vitest";

let folder: string;
let functions: string;
let url: string;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "boocode-migrate-"));
  functions = join(folder, "functions");
  mkdirSync(functions);
  const database = await createDatabase(inject("postgresUrl"));
  onTestFinished(database.drop);
  url = database.url;
});
afterEach(() => rmSync(folder, { recursive: true }));

const write = (name: string, up: string) =>
  writeFileSync(join(folder, name), `-- migrate:up\n${up}\n\n-- migrate:down\nthis is not run;\n`);

const writeFunction = (file: string, body: string, name = file.replace(".sql", "")) =>
  writeFileSync(
    join(functions, file),
    `create function ${name}() returns int language plpgsql set search_path from current as $$ begin ${body}; end $$;`,
  );

async function ask(statement: string, at = url): Promise<Record<string, unknown>[]> {
  const pool = connectPostgres(at, { name: "test", connections: 1 });
  const rows = await pool.unsafe(statement);
  await pool.end();
  return [...rows];
}

test("three concurrent migrations of a missing database run each file once, in the order of their names", async () => {
  write("0002_fill.sql", "insert into note values (1); insert into note values (2);");
  write("0001_note.sql", "create table note (id int);\n\nselect pg_sleep(0.2);\ncreate table other (id int);");
  writeFileSync(join(folder, "notes.txt"), "not a migration");
  const missing = new URL(url);
  missing.pathname += "_missing";
  const lines: string[] = [];
  await Promise.all([1, 2, 3].map(() => migrate(missing.href, { folder, log: (line) => lines.push(line) })));
  expect(lines).toEqual(["Applied 0001_note.sql", "Applied 0002_fill.sql"]);
  expect(await ask("select from other", missing.href)).toEqual([]);
  expect(await ask("select count(*)::int as n from note", missing.href)).toEqual([{ n: 2 }]);
  expect(await ask("select version from schema_migrations order by 1", missing.href)).toEqual([
    { version: "0001" },
    { version: "0002" },
  ]);
  await ask(`drop database "${missing.pathname.slice(1)}" with (force)`);
});

test("a failed migration names its file and the server's reason, leaves nothing behind, and can be run again", async () => {
  write("0001_note.sql", "create table note (id int);");
  write("0002_more.sql", "create table more (id int); create table worse (id nonsense);");
  const failure = await migrate(url, { folder }).catch((error: Error) => error.message);
  expect(failure).toBe('0002_more.sql: type "nonsense" does not exist');
  expect(await ask("select to_regclass('note') is not null as note, to_regclass('more') is not null as more")).toEqual([
    { note: true, more: false },
  ]);
  write("0002_more.sql", "create table more (id int);");
  await migrate(url, { folder });
});

test("a migration may take longer than the statements of a service", async () => {
  await ask(`alter database "${new URL(url).pathname.slice(1)}" set statement_timeout = 100`);
  write("0001_slow.sql", "select pg_sleep(0.3);");
  await migrate(url, { folder });
});

test("the tables get the schema that the connection string names, and services find them there", async () => {
  write("0001_turns.sql", "create table turns (id int);");
  for (const query of ["schema=My%20App", 'search_path="My%20App"', "options=-c%20search_path%3D%22My%5C%20App%22"])
    await migrate(`${url}?${query}`, { folder });
  expect(
    await ask("select schemaname as name from pg_tables where tablename in ('turns', 'schema_migrations')"),
  ).toEqual([{ name: "My App" }, { name: "My App" }]);
});

test("migration continues after the last version that dbmate applied", async () => {
  await ask("create table schema_migrations (version varchar(128) primary key)");
  await ask("insert into schema_migrations values ('0001')");
  write("0001_note.sql", "select 1 / 0;");
  write("0002_more.sql", "create table more (id int);");
  const lines: string[] = [];
  await migrate(url, { folder, log: (line) => lines.push(line) });
  expect(lines).toEqual(["Applied 0002_more.sql"]);
});

test("functions are created after the migrations, once by three concurrent ones, and an existing one is left as it is", async () => {
  write("0001_note.sql", "create table note (id int);");
  writeFunction("count_1.sql", "return (select count(*) from note)");
  writeFileSync(join(functions, "SHA256SUMS"), "not a function");
  const lines: string[] = [];
  const run = () => migrate(`${url}?schema=My%20App`, { folder, functions, log: (line) => lines.push(line) });
  await Promise.all([run(), run(), run()]);
  expect(lines).toEqual(["Applied 0001_note.sql", "Created the function count_1"]);
  writeFunction("count_1.sql", "return 7");
  writeFunction("count_2.sql", "return 8");
  await run();
  expect(lines.slice(2)).toEqual(["Created the function count_2"]);
  // The tables are found from any search_path.
  expect(await ask('select "My App".count_1() as one, "My App".count_2() as two')).toEqual([{ one: 0, two: 8 }]);
});

test("a function's file that cannot be applied, or creates another function, is named and leaves nothing behind", async () => {
  writeFunction("a_1.sql", "return 1");
  writeFunction("b_1.sql", "return 1 +");
  const failure = () => migrate(url, { folder, functions }).catch((error: Error) => error.message);
  expect(await failure()).toMatch(/^b_1\.sql: syntax error/);
  writeFunction("b_1.sql", "return 1", "b_2");
  expect(await failure()).toBe("b_1.sql: creates no function b_1");
  expect(await ask("select from pg_proc where proname in ('a_1', 'b_1', 'b_2')")).toEqual([]);
});
