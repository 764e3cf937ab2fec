import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { createDatabase } from "@boocode/backing-services";
import { connectPostgres } from "@boocode/runtime";
import { checkDatabase, NEEDED_FUNCTIONS, NEEDED_MIGRATIONS } from "@boocode/store";
import { expect, inject, test } from "vitest";
import { useStore } from "./fixture.ts";

const fixture = useStore();
const WRITES = { writes: true };

test("this version needs every migration", () => {
  const files = readdirSync(new URL("../../../migrations", import.meta.url)).filter((name) => /^\d/.test(name));
  expect(files.sort()).toEqual(NEEDED_MIGRATIONS.map((name) => `${name}.sql`));
});

test("this version calls every function of the folder, and no text has changed under its name", () => {
  const folder = new URL("../functions/", import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith(".sql"));
  expect(files.sort()).toEqual(NEEDED_FUNCTIONS.map((name) => `${name}.sql`));
  const sums = files.map((name) => {
    const sum = createHash("sha256")
      .update(readFileSync(new URL(name, folder)))
      .digest("hex");
    return `${sum}  ${name}\n`;
  });
  // A function that was released keeps its text: services of that version call it. Change a copy with the next number.
  expect(sums.join("")).toBe(readFileSync(new URL("SHA256SUMS", folder), "utf8"));
});

test("each function runs with its caller's rights and finds our tables whatever the search_path is", async () => {
  const rows = await fixture.pool<{ name: string; is_fixed: boolean; prosecdef: boolean }[]>`
    select proname as name, prosecdef,
      prosqlbody is not null or array_to_string(proconfig, ' ') ~ 'search_path="?public"?$' as is_fixed
    from pg_proc where pronamespace = 'public'::regnamespace and proname = any(${NEEDED_FUNCTIONS}) order by 1`;
  expect([...rows]).toEqual(NEEDED_FUNCTIONS.map((name) => ({ name, prosecdef: false, is_fixed: true })));
});

test("a migrated database is accepted, also when it is newer, and nothing is changed", async () => {
  await checkDatabase(fixture.pool, WRITES);
  await fixture.owner`insert into schema_migrations values ('9999')`;
  await checkDatabase(fixture.pool, WRITES);
});

test.each([
  ["the first", NEEDED_MIGRATIONS[0]],
  ["the newest", NEEDED_MIGRATIONS.at(-1)],
])(
  "a database that lacks %s migration is refused with the reason, and with its name for the log",
  async (_which, name) => {
    const failed = fixture.owner.begin(async (sql) => {
      await sql`delete from schema_migrations where version = ${name?.split("_")[0] as string}`;
      await checkDatabase(sql as never, WRITES);
    });
    await expect(failed).rejects.toMatchObject({
      reason: "schema_outdated",
      message: `not applied to the database: migration ${name}`,
    });
  },
);

test.each(["drop function", "revoke execute on function"])(
  "a database is refused after: %s, with the function's name for the log",
  async (change) => {
    const [name] = NEEDED_FUNCTIONS.slice(-1) as [string];
    const failed = fixture.owner.begin(async (sql) => {
      const [row] = await sql`select oid::regprocedure::text as signature from pg_proc where proname = ${name}`;
      const services = new URL(fixture.url).username;
      if (change === "drop function") await sql.unsafe(`drop function ${row?.signature}`);
      else await sql.unsafe(`revoke execute on function ${row?.signature} from public, ${services}`);
      await sql.unsafe(`set local role ${services}`);
      await checkDatabase(sql as never, WRITES);
    });
    await expect(failed).rejects.toMatchObject({
      reason: "schema_outdated",
      message: `not applied to the database: function ${name}`,
    });
  },
);

test("an empty database is refused", async () => {
  const empty = await createDatabase(inject("postgresUrl"));
  const pool = connectPostgres(empty.url, { name: "empty", connections: 1 });
  // undefined_table
  await expect(checkDatabase(pool, WRITES)).rejects.toMatchObject({ code: "42P01" });
  await pool.end({ timeout: 2 });
  await empty.drop();
});

test("a read-only database is refused to a process that writes, and accepted for one that reads", async () => {
  const reading = (writes: boolean) =>
    fixture.pool.begin("read only", async (sql) => checkDatabase(sql as never, { writes }));
  await reading(false);
  // This ends its connection.
  await expect(reading(true)).rejects.toMatchObject({ code: "25006" });
});
