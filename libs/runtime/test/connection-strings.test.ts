import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDatabase } from "@boocode/backing-services";
import { testDatabase } from "@boocode/backing-services/testing";
import { connectPostgres, type Postgres, reasonOf, untilPostgresReady } from "@boocode/runtime";
import { afterAll, beforeAll, expect, inject, onTestFinished, test } from "vitest";
import { networkBefore } from "./network.ts";

let database: Awaited<ReturnType<typeof testDatabase>>;
let url: URL;
let admin: Postgres;

beforeAll(async () => {
  database = await testDatabase();
  url = new URL(database.url);
  admin = connectPostgres(inject("postgresUrl"), { name: "admin", connections: 1 });
});
afterAll(async () => {
  await admin.end();
  await database.drop();
});

/** The first row of a statement through a pool of this connection string, or the error's message. */
async function ask(text: string, statement = "select 'there' as answer"): Promise<unknown> {
  const pool = connectPostgres(text, { name: "tested", connections: 1 });
  try {
    await untilPostgresReady(pool, 3_000);
    const [row] = await pool.unsafe(statement);
    return row?.answer;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await pool.end({ timeout: 1 });
  }
}

test("a server is reached through its unix socket in each form of the URL", async () => {
  const folder = mkdtempSync(join(tmpdir(), "boocode-socket-"));
  const socket = await networkBefore(database.url, { path: join(folder, ".s.PGSQL.6543") });
  const { username, password, pathname } = url;
  const login = `${username}:${password}`;
  for (const text of [
    `postgres://${login}@${pathname}?host=${folder}&port=6543`,
    `postgres://${login}@${encodeURIComponent(folder)}:6543${pathname}`,
    `postgresql://${pathname}?user=${username}&password=${password}&host=${encodeURIComponent(folder)}&port=6543`,
    // As with libpq, sslmode does not count for a unix socket.
    `postgres://${login}@:6543${pathname}?host=${folder}&sslmode=require`,
  ])
    expect(await ask(text)).toBe("there");
  await socket.close();
  rmSync(folder, { recursive: true });
});

test("with several hosts, the next one is used while one is down, and the first again when the second is down", async () => {
  const [first, second] = [await networkBefore(database.url), await networkBefore(database.url)];
  const hosts = [first, second].map((each) => new URL(each.url).host).join(",");
  const pool = connectPostgres(database.url.replace(url.host, hosts), { name: "several", connections: 1 });
  const answers = () => expect.poll(() => pool`select 1 as one`.then(([row]) => row?.one, String)).toBe(1);
  await first.close();
  await answers();
  const again = await networkBefore(database.url, { port: Number(new URL(first.url).port) });
  await second.close();
  await answers();
  await pool.end({ timeout: 1 });
  await again.close();
});

test("target_session_attrs=read-write uses a host that accepts writes, and waits while there is none", async () => {
  const readOnly = await testDatabase();
  const name = new URL(readOnly.url).pathname.slice(1);
  await admin.unsafe(`alter database "${name}" set default_transaction_read_only = on`);
  // Both hosts lead to the read-only database until it is writable again.
  const text = readOnly.url.replace(url.host, `${url.host},${url.host}`);
  expect(await ask(`${text}?target_session_attrs=any`)).toBe("there");
  expect(await ask(`${text}?target_session_attrs=primary`)).toBe("there");
  const pool = connectPostgres(`${text}?target_session_attrs=read-write`, { name: "writer", connections: 1 });
  await expect(untilPostgresReady(pool, 500)).rejects.toThrow(/replica or read-only/);
  await admin.unsafe(`alter database "${name}" set default_transaction_read_only = off`);
  await untilPostgresReady(pool, 5_000);
  await pool.end();
  await readOnly.drop();
});

test("application_name and settings in options reach the session, except those that we set ourselves", async () => {
  const options = encodeURIComponent(
    "-c work_mem=5MB -c a.text=it\\'s\\ here -c statement_timeout=1 -c timezone=Asia/Kolkata",
  );
  const statement = `select jsonb_build_array(current_setting('application_name'), current_setting('work_mem'),
    current_setting('a.text'), current_setting('statement_timeout'), current_setting('timezone')) as answer`;
  expect(await ask(`${url.href}?application_name=mine&options=${options}`, statement)).toEqual([
    ...["mine", "5MB", "it's here", "5s", "UTC"],
  ]);
  expect(await ask(`${url.href}?options=-c%20nonsense%3D1`)).toMatch(/unrecognized configuration parameter "nonsense"/);
});

test("parameters of other clients do not reach the server", async () => {
  const query = "pgbouncer=true&connection_limit=1&schema=public&sslaccept=accept_invalid_certs&keepalives=1&foo=bar";
  expect(await ask(`${url.href}?${query}&gssencmode=prefer&connect_timeout=10&keepalives_count=3`)).toBe("there");
});

test("defaults of the database and the role change neither the format of values nor the settings of a session", async () => {
  const [role] = [`boocode_${Date.now()}`];
  const name = url.pathname.slice(1);
  await admin.unsafe(`create role ${role} login superuser password 'pw'`);
  onTestFinished(async () => {
    await admin.unsafe(`drop role ${role}`);
    await admin.unsafe(`alter database "${name}" reset all`);
  });
  const plain = new URL(url);
  const settings = `select (select jsonb_object_agg(name, setting) from pg_settings where name in ('DateStyle', 'TimeZone',
    'IntervalStyle', 'extra_float_digits', 'bytea_output', 'array_nulls', 'standard_conforming_strings', 'search_path',
    'statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout',
    'transaction_isolation', 'transaction_deferrable', 'client_encoding'))
    || jsonb_build_object('values', jsonb_build_array(now()::text ~ '^\\d{4}-', interval '1 day 2 hours', 0.1::float8 + 0.2,
      '\\xff'::bytea, E'a\\\\b', (select count(*) from turns))) as answer`;
  const expected = await ask(plain.href, settings);
  expect(expected).toMatchObject({ values: [true, expect.anything(), 0.30000000000000004, "\\xff", "a\\b", 0] });
  for (const [owner, change] of [
    [`database "${name}"`, "datestyle = 'German'"],
    [`database "${name}"`, "timezone = 'Asia/Kolkata'"],
    [`database "${name}"`, "intervalstyle = 'iso_8601'"],
    [`database "${name}"`, "extra_float_digits = -15"],
    [`database "${name}"`, "bytea_output = 'escape'"],
    [`database "${name}"`, "array_nulls = off"],
    [`database "${name}"`, "standard_conforming_strings = off"],
    [`database "${name}"`, "client_encoding = 'LATIN1'"],
    [`database "${name}"`, "default_transaction_isolation = 'serializable'"],
    [`database "${name}"`, "default_transaction_deferrable = on"],
    [`database "${name}"`, "statement_timeout = 4900"],
    [`database "${name}"`, "search_path = pg_catalog"],
    [`role ${role}`, "lock_timeout = 1"],
    [`role ${role}`, "idle_in_transaction_session_timeout = 1"],
    [`role ${role}`, "idle_session_timeout = 4900"],
    [`role ${role}`, "search_path = ''"],
  ])
    await admin.unsafe(`alter ${owner} set ${change}`);
  const changed = new URL(plain);
  Object.assign(changed, { username: role, password: "pw" });
  expect(await ask(changed.href, settings)).toEqual(expected);
  expect(await ask(plain.href, settings)).toEqual(expected);

  await admin.unsafe(`alter role ${role} set search_path = 'other'`);
  expect(await ask(changed.href, settings)).toEqual(expected);
  await ask(database.ownerUrl, "create schema other");
  expect(await ask(changed.href)).toMatch(/search_path .*other.*tables are in public: add \?search_path=public/);
  expect(await ask(`${changed.href}?search_path=public`)).toBe("there");
});

test("a server with too many connections is reported as such, and used as soon as one is free", async () => {
  const role = `boocode_few_${Date.now()}`;
  await admin.unsafe(`create role ${role} login password 'pw' connection limit 1`);
  const few = new URL(url);
  Object.assign(few, { username: role, password: "pw" });
  const [first, second] = [1, 2].map((n) => connectPostgres(few.href, { name: `few ${n}`, connections: 1 }));
  await first?.unsafe("select 1");
  const refused = await second?.unsafe("select 1").catch((error: unknown) => error);
  expect([(refused as { code: string }).code, reasonOf(refused)]).toEqual(["53300", "too_many_connections"]);
  await expect(untilPostgresReady(second as Postgres, 500)).rejects.toMatchObject({ code: "53300" });
  await first?.end();
  await untilPostgresReady(second as Postgres, 5_000);
  await second?.end();
  await admin.unsafe(`drop role ${role}`);
});

test.each(["LATIN1", "SQL_ASCII"])("a database whose encoding is %s is refused by name", async (encoding) => {
  const other = await createDatabase(inject("postgresUrl"));
  const name = new URL(other.url).pathname.slice(1);
  await admin.unsafe(`drop database "${name}"`);
  await admin.unsafe(`create database "${name}" encoding '${encoding}' lc_collate 'C' lc_ctype 'C' template template0`);
  expect(await ask(other.url)).toMatch(new RegExp(`encoding is ${encoding}.*ENCODING 'UTF8'`));
  await other.drop();
});
