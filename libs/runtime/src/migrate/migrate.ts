import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import postgres from "postgres";
import { clientOptions } from "../postgres/client-options.ts";
import { connectPostgres, type Postgres, targetOf, untilPostgresReady } from "../postgres/connect-postgres.ts";
import { admitServices } from "./admit-services.ts";
import { createFunctions } from "./create-functions.ts";

/** Key of the advisory lock that migrations take, so that concurrent ones run one after the other. */
const LOCK = 7_266_263;
/** How long a server may take from its start until it accepts connections. */
const STARTUP_MS = 30_000;
const NO_SUCH_DATABASE = "3D000";
/** Another process created the database concurrently: duplicate_database, or unique_violation in pg_database. */
const EXISTS = new Set(["42P04", "23505"]);

/** A file is named `<version>_<what it does>.sql`. What comes after `-- migrate:down` is not run. */
const FILE = /^(\d+)_.*\.sql$/;
const UP = /^-- migrate:up\b/m;
const DOWN = /^-- migrate:down\b/m;

/**
 * Brings a database up to date with the SQL files of a folder, each in a transaction that also records its version in
 * `schema_migrations`. Creates the database first if it is missing, and the schema if the URL names one.
 * @param options `functions`: the folder of the functions that the services call, see `createFunctions`; `services`: the URL with
 * which the services connect; its role gets their rights, and nothing else
 * @throws the server's error, which names the file
 */
export async function migrate(
  url: string,
  options: { folder: string; functions?: string; services?: string | undefined; log?(line: string): void },
): Promise<void> {
  const { folder, functions, services, log = () => {} } = options;
  const files = (await readdir(folder)).filter((name) => FILE.test(name)).sort();
  // No time limit: a schema change may be slow, and may wait for locks.
  const pool = connectPostgres(url, { name: "migrate", connections: 1, statementMs: 0 });
  try {
    await untilPostgresReady(pool, STARTUP_MS).catch(async (error) => {
      if ((error as { code?: string }).code !== NO_SUCH_DATABASE) throw error;
      await createDatabase(url);
      await untilPostgresReady(pool, STARTUP_MS);
    });
    await prepareSchema(pool);
    for (const name of files) {
      const text = await readFile(join(folder, name), "utf8");
      if (await apply(pool, name, text)) log(`Applied ${name}`);
    }
    if (functions !== undefined)
      for (const name of await createFunctions(pool, { folder: functions, lock: LOCK }))
        log(`Created the function ${name}`);
    // Each time, not in a migration, so that it covers the tables of every migration, in whatever order they were applied.
    if (services !== undefined) await admitServices(pool, services, { folder, functions, lock: LOCK, log });
  } finally {
    await pool.end({ timeout: 5 });
  }
}

async function createDatabase(url: string): Promise<void> {
  const target = targetOf(url);
  const place = { ...target, database: "postgres" };
  const sql = postgres(clientOptions(place, { name: "migrate", connections: 1, statementMs: 0 }));
  try {
    await sql`create database ${sql(target.database ?? "")} encoding 'UTF8' template template0`;
  } catch (error) {
    if (!EXISTS.has((error as { code?: string }).code ?? "")) throw error;
  } finally {
    await sql.end({ timeout: 5 });
  }
}

async function prepareSchema(pool: Postgres): Promise<void> {
  await pool.begin(async (sql) => {
    await sql`select pg_advisory_xact_lock(${LOCK})`;
    const [row] =
      await sql`select current_schema() as now, (parse_ident(current_setting('search_path'), false))[1] as first`;
    if (row?.now === null && row.first) await sql`create schema ${sql(row.first)}`;
    await sql`create table if not exists schema_migrations (version varchar(128) primary key)`;
  });
}

/** @returns false when it was applied before */
function apply(pool: Postgres, name: string, text: string): Promise<boolean> {
  const [, version = ""] = FILE.exec(name) ?? [];
  const [up = ""] = text.split(DOWN);
  if (!UP.test(up)) throw new Error(`${name} has no line "-- migrate:up"`);
  return pool.begin(async (sql) => {
    await sql`select pg_advisory_xact_lock(${LOCK})`;
    const known = await sql`select from schema_migrations where version = ${version}`;
    if (known.length > 0) return false;
    try {
      await sql.unsafe(up);
    } catch (error) {
      throw Object.assign(error as Error, { message: `${name}: ${(error as Error).message}` });
    }
    await sql`insert into schema_migrations (version) values (${version})`;
    return true;
  });
}
