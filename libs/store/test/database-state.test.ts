import { readdirSync } from "node:fs";
import { createDatabase } from "@boocode/backing-services";
import { connectPostgres } from "@boocode/runtime";
import { checkDatabase, NEEDED_MIGRATIONS } from "@boocode/store";
import { expect, inject, test } from "vitest";
import { useStore } from "./fixture.ts";

const fixture = useStore();
const WRITES = { writes: true };

test("this version needs every migration", () => {
  const files = readdirSync(new URL("../../../migrations", import.meta.url)).filter((name) => /^\d/.test(name));
  expect(files.sort()).toEqual(NEEDED_MIGRATIONS.map((name) => `${name}.sql`));
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
