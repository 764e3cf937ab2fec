import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { createDatabase, repositoryRoot } from "@boocode/backing-services";
import { connectPostgres, migrate, type Postgres } from "@boocode/runtime";
import { afterAll, beforeAll, expect, inject, test } from "vitest";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "boocode-roots-")));
const at = (path: string) => join(folder, path);
let env: Record<string, string>;
let sql: Postgres;
const releases: (() => unknown)[] = [() => rmSync(folder, { recursive: true })];

/** Runs one of the built programs of the migrate image. */
async function run(program: "admin" | "migrate", ...args: string[]) {
  const main = join(repositoryRoot, "dist", program, "main.mjs");
  return await promisify(execFile)(process.execPath, [main, ...args], { cwd: repositoryRoot, env }).catch((error) => ({
    stdout: error.stdout as string,
    stderr: error.stderr as string,
  }));
}

beforeAll(async () => {
  const database = await createDatabase(inject("postgresUrl"));
  releases.push(database.drop);
  for (const path of ["code/ada/web", "code/bob", "code/shared"]) mkdirSync(at(path), { recursive: true });
  env = { DATABASE_URL: database.url, PROJECT_ROOTS: at("code"), USER_ROOTS: at("code/{user}") };
  sql = connectPostgres(database.url, { name: "test", connections: 1 });
  releases.push(() => sql.end({ timeout: 2 }));
  // The database of the version before grants.
  const old = at("migrations");
  mkdirSync(old);
  for (const name of readdirSync(join(repositoryRoot, "migrations")))
    if (name < "0007") cpSync(join(repositoryRoot, "migrations", name), join(old, name));
  await migrate(database.url, { folder: old });
});
afterAll(async () => {
  for (const release of releases.reverse()) await release();
});

test("the migration grants each owner the folders of their projects and lists what overlaps", async () => {
  const paths: Record<string, string[]> = {
    ada: [at("code/ada/web"), at("code/shared"), at("code/shared")],
    bob: [at("code"), at("code/bob")],
    eve: [at("code/ada/web")],
  };
  for (const [name, projects] of Object.entries(paths)) {
    const id = randomUUID();
    await sql`insert into users (id, name, slug) values (${id}, ${name}, ${name})`;
    for (const path of [...projects, at("deleted")]) {
      await sql`
        insert into projects (id, owner_id, name, path, deleted_at)
        values (${randomUUID()}, ${id}, 'p', ${path}, ${path === at("deleted") ? sql`now()` : null})`;
    }
  }
  const { stdout } = await run("migrate");
  const grants = await sql`select u.name, g.path from grants g join users u on u.id = g.user_id order by 1, 2`;
  expect(grants.map(({ name, path }) => `${name} ${path}`)).toEqual([
    ...[`ada ${at("code/ada/web")}`, `ada ${at("code/shared")}`],
    ...[`bob ${at("code")}`, `bob ${at("code/bob")}`, `eve ${at("code/ada/web")}`],
  ]);
  for (const line of [
    `ada and eve both have ${at("code/ada/web")}`,
    `ada has ${at("code/shared")}, which lies in ${at("code")} of bob`,
    // By USER_ROOTS.
    `eve has ${at("code/ada/web")}, which lies in ${at("code/ada")} of ada`,
    `eve has ${at("code/eve")}, which lies in ${at("code")} of bob`,
  ]) {
    expect(stdout).toContain(`  ${line}\n`);
  }
  expect(stdout).not.toContain("bob has");
  expect((await run("admin", "root", "overlaps")).stdout.split("\n")).toContain(
    `ada and eve both have ${at("code/ada/web")}`,
  );
});

test("commands grant, list and take back; they refuse what is missing or outside PROJECT_ROOTS", async () => {
  symlinkSync(at("code/shared"), at("link"));
  expect((await run("admin", "root", "grant", "eve", at("link"))).stderr).toBe(`eve is granted ${at("code/shared")}\n`);
  expect((await run("admin", "root", "list", "eve")).stdout.split("\n")).toEqual([
    ...[`${at("code/eve")} (USER_ROOTS)`, at("code/ada/web"), at("code/shared"), ""],
  ]);
  for (const [path, message] of [
    [at("code/missing"), `${at("code/missing")} is not a directory`],
    [folder, `${folder} is not within PROJECT_ROOTS (${at("code")})`],
    ["/", `/ is not within PROJECT_ROOTS (${at("code")})`],
  ] as const) {
    expect((await run("admin", "root", "grant", "eve", path)).stderr).toBe(`${message}\n`);
  }
  expect((await run("admin", "root", "grant", "nobody", at("code"))).stderr).toBe("no user is named nobody\n");
  const revoke = () => run("admin", "root", "revoke", "eve", `${at("code/ada/web")}/`);
  expect((await revoke()).stderr).toBe(`eve is no longer granted ${at("code/ada/web")}; cancelled 0 turns\n`);
  expect((await revoke()).stderr).toMatch(/eve has no grant of .*; root list eve shows the grants/);
  // A folder that is gone can be taken back.
  rmSync(at("link"));
  rmSync(at("code/shared"), { recursive: true });
  expect((await run("admin", "root", "revoke", "eve", at("code/shared"))).stderr).toMatch(/no longer granted/);
});
