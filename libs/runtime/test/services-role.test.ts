import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createDatabase, servicesUrl } from "@boocode/backing-services";
import { connectPostgres, findExcessRights, migrate, type Postgres } from "@boocode/runtime";
import { afterAll, beforeAll, expect, inject, test } from "vitest";

/** The tests share one role; what belongs to a role of its own is made and dropped by its test. */
const role = `boocode_role_test_${randomBytes(4).toString("hex")}`;
const folder = mkdtempSync(join(tmpdir(), "boocode-role-"));
const functions = join(folder, "functions");
let database: Awaited<ReturnType<typeof createDatabase>>;
let services: string;
let admin: Postgres;
let owner: Postgres;
let pool: Postgres;

const write = (name: string, up: string) =>
  writeFileSync(join(folder, name), `-- migrate:up\n${up}\n-- migrate:down\n`);
const pooled = (url: string) => connectPostgres(url, { name: "test", connections: 1 });
/** The rest of a URL with another database or login. */
const at = (url: string, change: Partial<URL>) => Object.assign(new URL(url), change).href;
/** The lines that a migration says about the role. */
async function migrated(url: string, as = services): Promise<string[]> {
  const lines: string[] = [];
  await migrate(url, { folder, functions, services: as, log: (line) => lines.push(line) });
  return lines.filter((line) => !/^(Applied|Created the function)/.test(line));
}
const outcome = (work: Promise<unknown>) =>
  work.then(
    () => "done",
    (error: { code?: string; message: string }) => error.code ?? error.message,
  );

beforeAll(async () => {
  write(
    "0001_turns.sql",
    "create table turns (id serial primary key, text text); create table log (id int, text text);",
  );
  write(
    "0002_work.sql",
    "create function f() returns int language sql as 'select 1'; create view shown as select id from turns;",
  );
  mkdirSync(functions);
  writeFileSync(
    join(functions, "write_1.sql"),
    "create function write_1(wanted text) returns void language sql set search_path from current as $$ insert into turns (text) select wanted $$",
  );
  writeFileSync(join(folder, "exceptions.sql"), 'revoke update, delete on log from :"services";');
  admin = pooled(inject("postgresUrl"));
  database = await createDatabase(inject("postgresUrl"));
  services = servicesUrl(database.url, role);
  expect(await migrated(database.url)).toEqual([`Created the role ${role}.`]);
  owner = pooled(database.url);
  pool = pooled(services);
});
afterAll(async () => {
  await Promise.all([owner.end(), pool.end()]);
  await database.drop();
  await admin.unsafe(`drop role ${role}`);
  await admin.end();
  rmSync(folder, { recursive: true });
});

test("the services' role has no right but those on rows, which the migration says by saying nothing", async () => {
  expect(await migrated(database.url)).toEqual([]);
  expect(await findExcessRights(pool)).toEqual([]);
  expect(await findExcessRights(owner)).toEqual(["is a superuser"]);
});

test("the services' role reads and writes rows, with numbers from sequences, and reads the list of migrations", async () => {
  await pool`insert into turns (text) values ('a'), ('b')`;
  await pool`update turns set text = 'c' where text = 'a'`;
  await pool`delete from turns where text = 'b'`;
  expect([...(await pool`select text from turns for update`)]).toEqual([{ text: "c" }]);
  expect(await pool`select id from shown`).toHaveLength(1);
  expect(await pool`select from schema_migrations`).toHaveLength(2);
  await pool.begin((sql) => sql`select pg_advisory_xact_lock(1), set_config('work_mem', '5MB', true)`);
});

const DENIED = "42501";

test("the services' role may call a function also where PUBLIC may call none, and with its own rights only", async () => {
  const own = await createDatabase(inject("postgresUrl"));
  const theirUrl = at(services, { pathname: new URL(own.url).pathname });
  const [there, theirs] = [pooled(own.url), pooled(theirUrl)];
  await there`alter default privileges revoke execute on functions from public`;
  expect(await migrated(own.url, theirUrl)).toEqual([]);
  await theirs`select write_1('a')`;
  await there.unsafe(`revoke insert on turns from ${role}`);
  expect(await outcome(theirs`select write_1('b')`)).toBe(DENIED);
  expect(await findExcessRights(theirs)).toEqual([]);
  await Promise.all([there.end(), theirs.end()]);
  await own.drop();
});

test.each([
  "create table t (id int)",
  "create temporary table t (id int)",
  "create table t as select * from turns",
  "create schema s",
  "create function g() returns int language sql as 'select 1'",
  "create view v as select 1",
  "create type t as enum ('a')",
  "create sequence s",
  "create extension pgcrypto",
  "create extension postgres_fdw",
  "create role r",
  "create database d",
  "create index on turns (text)",
  "create trigger t before insert on turns for each row execute function suppress_redundant_updates_trigger()",
  "create policy p on turns",
  "create publication p for all tables",
  "create event trigger e on ddl_command_start execute function f()",
  "create table t (id int references turns)",
  "alter table turns add column more int",
  "alter table turns disable trigger all",
  "alter table turns owner to current_user",
  "alter table turns enable row level security",
  "alter function f() security definer",
  "alter default privileges for role boocode_owner grant all on tables to public",
  "alter system set log_statement = 'all'",
  "alter database current_name set work_mem = '1GB'",
  "alter role boocode_owner password 'x'",
  "alter role current_user superuser",
  "alter role current_user createrole",
  "comment on table turns is 'mine'",
  "drop table turns",
  "drop schema public cascade",
  "drop role boocode_owner",
  "drop owned by boocode_owner",
  "reassign owned by boocode_owner to current_user",
  "truncate turns",
  "truncate log",
  "update log set text = 'x'",
  "delete from log",
  "insert into schema_migrations values ('9999')",
  "update schema_migrations set version = '9999'",
  "delete from schema_migrations",
  "select setval('turns_id_seq', 1)",
  "set role boocode_owner",
  "set session authorization boocode_owner",
  "grant boocode_owner to current_user",
  "grant pg_read_server_files to current_user",
  "copy turns to program 'true'",
  "copy turns from program 'true'",
  "copy turns to '/tmp/turns'",
  "select rolpassword from pg_authid",
  "select passwd from pg_shadow",
  "select pg_read_file('postgresql.conf')",
  "select pg_ls_dir('.')",
  "select lo_import('/etc/passwd')",
  "select pg_reload_conf()",
  "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'boocode_owner'",
  "set session_replication_role = replica",
  "set log_statement = 'all'",
])("the services' role may not: %s", async (statement) => {
  const text = statement
    .replaceAll("boocode_owner", `"${decodeURIComponent(new URL(database.url).username)}"`)
    .replaceAll("'\"", "'")
    .replaceAll("\"'", "'")
    .replace("current_name", `"${new URL(database.url).pathname.slice(1)}"`);
  // Both pools are connected, so that there are sessions of the owner to end.
  await owner`select 1`;
  expect(await outcome(pool.unsafe(text))).toBe(DENIED);
});

test("a right that the role does not have to give is not given, although Postgres only warns", async () => {
  await pool`grant select on turns to public`;
  await pool.unsafe(`grant usage on schema public to ${role}`);
  const [row] = await owner`select has_table_privilege('public', 'turns', 'select') as has`;
  expect(row?.has).toBe(false);
});

test("a table that a later migration adds, also one with a lower number, is usable, and so is one that its owner makes by hand", async () => {
  write("0003_later.sql", "create table later (id bigserial);");
  write("0000_lower.sql", "create table lower (id int);");
  expect(await migrated(database.url)).toEqual([]);
  await owner`create table by_hand (id bigserial)`;
  for (const table of ["later", "lower", "by_hand"]) {
    await pool`insert into ${pool(table)} default values`;
    expect([table, await outcome(pool`truncate ${pool(table)}`)]).toEqual([table, DENIED]);
  }
  expect(await findExcessRights(pool)).toEqual([]);
});

test("rights that were given by hand are taken at the next migration, or named", async () => {
  await owner.unsafe(`grant all on turns, log, schema_migrations to ${role}; grant create on schema public to ${role}`);
  await owner.unsafe(`grant pg_read_all_data to ${role}; grant all on sequence turns_id_seq to ${role}`);
  const some = ["is a member of pg_read_all_data", "may create tables in the schema public"];
  expect(await findExcessRights(pool)).toEqual([
    ...some,
    "may truncate tables, refer to them or put triggers on them",
    "may change the list of migrations",
  ]);
  expect(await migrated(database.url)).toEqual(
    some.map((right) => expect.stringContaining(`${role} of DATABASE_URL ${right},`)),
  );
  await owner.unsafe(`revoke create on schema public from ${role}; revoke pg_read_all_data from ${role}`);
  expect(await outcome(pool`delete from log`)).toBe(DENIED);
  expect(await outcome(pool`select setval('turns_id_seq', 1)`)).toBe(DENIED);
});

test("what PUBLIC may do in older versions of Postgres is taken from it", async () => {
  await owner`grant create on schema public to public`;
  await owner`grant temporary on database ${owner(new URL(database.url).pathname.slice(1))} to public`;
  expect(await findExcessRights(pool)).toEqual(["may create tables in the schema public"]);
  await migrated(database.url);
  expect(await findExcessRights(pool)).toEqual([]);
  expect(await outcome(pool`create temporary table t (id int)`)).toBe(DENIED);
});

test("the password of a role that the migration made follows DATABASE_URL, and no password is in the server's log", async () => {
  const renewed = servicesUrl(services, role);
  expect(await outcome(pooled(renewed)`select 1`)).toBe("28P01");
  expect(await migrated(database.url, renewed)).toEqual([`The role ${role} has a new password.`]);
  expect(await outcome(pooled(renewed)`select 1`)).toBe("done");
  services = renewed;
});

test("another database's migration leaves the role and its password alone, and may share it with the right password", async () => {
  const other = await createDatabase(inject("postgresUrl"));
  const place = { pathname: new URL(other.url).pathname };
  const failure = migrated(other.url, servicesUrl(other.url, role));
  await expect(failure).rejects.toThrow(/exists with another password .* was not made for this database/);
  expect(await outcome(pooled(services)`select 1`)).toBe("done");
  const shared = at(services, place);
  expect(await migrated(other.url, shared)).toEqual([]);
  expect(await outcome(pooled(shared)`insert into turns default values`)).toBe("done");
  await other.drop();
});

test("migrations of several databases that make one role at the same moment all succeed", async () => {
  const name = `${role}_many`;
  const databases = await Promise.all([1, 2, 3].map(() => createDatabase(inject("postgresUrl"))));
  const login = servicesUrl(inject("postgresUrl"), name);
  const urls = databases.map(({ url }) => ({ url, as: at(login, { pathname: new URL(url).pathname }) }));
  const said = await Promise.all([...urls, ...urls].map(({ url, as }) => migrated(url, as)));
  expect(said.flat()).toEqual([`Created the role ${name}.`]);
  for (const { as } of urls) expect(await outcome(pooled(as)`insert into turns default values`)).toBe("done");
  await Promise.all(databases.map(({ drop }) => drop()));
  await admin.unsafe(`drop role ${name}`);
});

test("tables in another schema get the rights, and the services find them", async () => {
  const query = "?schema=My%20App";
  expect(await migrated(database.url + query, services + query)).toEqual([]);
  const there = pooled(services + query);
  await there`insert into turns default values`;
  expect(await findExcessRights(there)).toEqual([]);
  expect(await outcome(there`truncate turns`)).toBe(DENIED);
  await there.end();
});

test("a role with the owner's rights keeps them, because a migration would take them from the owner", async () => {
  expect(await migrated(database.url, database.url)).toEqual([
    expect.stringContaining("has the rights of the tables' owner"),
  ]);
  const [row] = await owner`select has_table_privilege('turns', 'truncate') as has`;
  expect(row?.has).toBe(true);
});

test("whatever a role may do beyond rows is named, also when it only may become another role", async () => {
  const [lord, serf] = [`${role}_lord`, `${role}_serf`];
  const own = await createDatabase(inject("postgresUrl"));
  const there = pooled(own.url);
  await there.unsafe(`
    create role ${lord} createrole createdb replication bypassrls; create role ${serf} noinherit; grant ${lord} to ${serf};
    create schema theirs authorization ${lord}; create table t (id int); alter table t owner to ${lord};
    create function f() returns int language sql as 'select 1'; alter function f() owner to ${lord};
    grant pg_monitor to ${lord}; alter database "${new URL(own.url).pathname.slice(1)}" owner to ${lord}`);
  const named = [
    ...["may create roles", "may create databases", "may replicate", "bypasses row-level security"],
    ...["is a member of pg_monitor", "owns the database", "owns the schema theirs", "owns tables", "owns functions"],
  ];
  for (const who of [lord, serf]) expect(await findExcessRights(there, who)).toEqual(expect.arrayContaining(named));
  await there.end();
  await own.drop();
  await admin.unsafe(`drop role ${serf}; drop role ${lord}`);
});

test("a role may connect although PUBLIC may not, with a password of any characters", async () => {
  const name = `${role}_quoted`;
  const own = await createDatabase(inject("postgresUrl"));
  await admin.unsafe(`revoke connect on database "${new URL(own.url).pathname.slice(1)}" from public`);
  const login = at(own.url, { username: name, password: "it's %24 \\'" });
  expect(await migrated(own.url, login)).toEqual([`Created the role ${name}.`]);
  const quoted = pooled(login);
  expect(await outcome(quoted`select from turns`)).toBe("done");
  await quoted.end();
  await own.drop();
  await admin.unsafe(`drop role ${name}`);
});

test("DATABASE_URL and MIGRATION_DATABASE_URL must lead to one database", async () => {
  const elsewhere = at(services, { pathname: "/postgres" });
  await expect(migrated(database.url, elsewhere)).rejects.toThrow(/lead to different databases/);
});

test("an owner that may not create roles says what an administrator must do, and grants the rights to a role made by hand", async () => {
  const [lord, serf] = [`${role}_owner`, `${role}_by_hand`];
  await admin.unsafe(`create role ${lord} login password 'pw'`);
  const own = await createDatabase(inject("postgresUrl"));
  const name = new URL(own.url).pathname.slice(1);
  await admin.unsafe(`alter database "${name}" owner to ${lord}`);
  const [asLord, asSerf] = [lord, serf].map((username) => at(own.url, { username, password: "pw" })) as [
    string,
    string,
  ];
  await migrate(asLord, { folder });
  await expect(migrated(asLord, asSerf)).rejects.toThrow(
    `cannot create the role ${serf} of DATABASE_URL (permission denied to create role): let an administrator run  create role ${serf} login password`,
  );
  await admin.unsafe(`create role ${serf} login password 'pw'`);
  expect(await migrated(asLord, asSerf)).toEqual([]);
  const hand = pooled(asSerf);
  await hand`insert into turns default values`;
  expect(await findExcessRights(hand)).toEqual([]);
  const lordly = pooled(asLord);
  expect(await findExcessRights(lordly)).toEqual(
    expect.arrayContaining(["owns the database", "owns tables", "may create schemas"]),
  );
  await admin.unsafe(`grant ${lord} to ${serf}`);
  expect(await findExcessRights(hand)).toContain("owns tables");
  await Promise.all([hand.end(), lordly.end()]);
  await own.drop();
  await admin.unsafe(`drop role ${serf}; drop role ${lord}`);
});
