import { randomBytes } from "node:crypto";
import postgres from "postgres";

/** A database for one test file or one benchmark. */
export interface FreshDatabase {
  url: string;
  /** Drops the database and its remaining connections. */
  drop(): Promise<void>;
}

/**
 * Creates a database with a unique name on the server of `adminUrl`, as a copy of `template` if given.
 * @throws when the template does not exist or is in use for ten seconds
 */
export async function createDatabase(
  adminUrl: string,
  options: { template?: string; name?: string } = {},
): Promise<FreshDatabase> {
  const name = options.name ?? `boocode_${randomBytes(8).toString("hex")}`;
  const template = options.template ?? "template1";
  await asAdmin(adminUrl, async (sql) => {
    const deadline = Date.now() + 10_000;
    for (;;) {
      try {
        return await sql`create database ${sql(name)} template ${sql(template)}`;
      } catch (error) {
        // 55006: the template is in use, perhaps by autovacuum.
        if ((error as { code?: string }).code !== "55006" || Date.now() > deadline) throw error;
      }
    }
  });
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: () => asAdmin(adminUrl, (sql) => sql`drop database if exists ${sql(name)} with (force)`),
  };
}

/** Drops a role if nothing depends on it: databases that an aborted run left behind may. */
export async function dropRole(adminUrl: string, role: string): Promise<void> {
  await asAdmin(adminUrl, (sql) => sql`drop role if exists ${sql(role)}`.catch(() => {}));
}

async function asAdmin(url: string, work: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres(url, { max: 1, connect_timeout: 10, fetch_types: false, onnotice: () => {} });
  try {
    await work(sql);
  } finally {
    await sql.end({ timeout: 5 });
  }
}
