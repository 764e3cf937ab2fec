import postgres from "postgres";

/** The database that a private server's URL names. */
const databaseName = "boocode";

/** Where a private server is reached. */
export function clusterUrl(password: string, port: number, database: string = databaseName): string {
  return `postgres://boocode:${password}@127.0.0.1:${port}/${database}`;
}

/**
 * Connects once and makes the application's database if it is missing.
 * SCRAM lets the client check the server too: only the server that was made with this password passes.
 * @throws when the server does not take connections, or is not ours
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
