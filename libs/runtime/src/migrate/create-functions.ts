import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Postgres } from "../postgres/connect-postgres.ts";

/** A file is named like the function that it creates. */
const FILE = /^[a-z_]+_\d+\.sql$/;

/**
 * Creates the missing functions of a folder, all or none. An existing function is left as it is: its text never changes under its
 * name, because services of an earlier version may still call it.
 * @param options `lock`: key of the advisory lock that all migrations of a database take
 * @returns the names of those that were created
 * @throws the server's error, which names the file
 */
export async function createFunctions(
  owner: Postgres,
  { folder, lock }: { folder: string; lock: number },
): Promise<string[]> {
  const names = await namesOfFunctions(folder);
  return await owner.begin(async (sql) => {
    await sql`select pg_advisory_xact_lock(${lock})`;
    const find = async () => {
      const rows = await sql<{ name: string }[]>`
        select proname as name from pg_proc
        where pronamespace = to_regnamespace(quote_ident(current_schema())) and proname = any(${names})`;
      return new Set(rows.map(({ name }) => name));
    };
    const before = await find();
    const missing = names.filter((name) => !before.has(name));
    for (const name of missing) {
      const text = await readFile(join(folder, `${name}.sql`), "utf8");
      await sql.unsafe(text).catch((error: Error) => {
        throw Object.assign(error, { message: `${name}.sql: ${error.message}` });
      });
    }
    const after = await find();
    const absent = missing.find((name) => !after.has(name));
    if (absent) throw new Error(`${absent}.sql: creates no function ${absent}`);
    return missing;
  });
}

/** @returns the names of a folder's functions, in the order in which they are created */
export async function namesOfFunctions(folder: string): Promise<string[]> {
  const files = (await readdir(folder)).filter((name) => FILE.test(name)).sort();
  return files.map((name) => basename(name, ".sql"));
}
