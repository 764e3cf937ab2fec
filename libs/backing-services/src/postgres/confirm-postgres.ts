import postgres from "postgres";

/** The database of a private server. */
const databaseName = "boocode";

/** The URL of a private server. */
export function clusterUrl(password: string, port: number, database: string = databaseName): string {
  return `postgres://boocode:${password}@127.0.0.1:${port}/${database}`;
}

/**
 * Connects once and creates the application's database if it is missing. SCRAM also authenticates the server: only one that
 * was created with this password passes.
 * @throws when the server refuses connections or is not ours
 */
export async function confirmPostgres(password: string, port: number): Promise<void> {
  const sql = postgres(clusterUrl(password, port, "postgres"), {
    max: 1,
    connect_timeout: 10,
    fetch_types: false,
    onnotice: () => {},
  });
  try {
    const [row] = await sql`select 1 from pg_database where datname = ${databaseName}`;
    if (!row) await sql`create database ${sql(databaseName)}`;
  } finally {
    await sql.end({ timeout: 1 });
  }
}
