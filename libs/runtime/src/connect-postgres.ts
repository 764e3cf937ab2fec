import postgres from "postgres";

export type Postgres = postgres.Sql<Record<string, unknown>>;

/**
 * A pool whose rows have the contracts' shapes: bigint as number (ours stay far below 2^53), timestamps as ISO 8601 in UTC.
 * Every connection gives up a statement or an idle transaction by itself, so that a lock is never held by the dead.
 */
export function connectPostgres(url: string, options: { name: string; connections: number }): Postgres {
  const settings = {
    max: options.connections,
    // The default back-off leaves queries waiting for up to 40 s after the database is back.
    backoff: () => 0.1 + Math.random() * 0.2,
    connect_timeout: 5,
    // The default of 100 would line up a hundred queries behind one slow one while other connections idle.
    max_pipeline: 4,
    onnotice: () => {},
    connection: {
      application_name: options.name,
      statement_timeout: 10_000,
      lock_timeout: 8_000,
      idle_in_transaction_session_timeout: 10_000,
    },
    types: {
      bigint: { to: 20, from: [20], serialize: String, parse: Number },
      timestamptz: {
        to: 1184,
        from: [1184],
        serialize: (value: string | Date) => (value instanceof Date ? value.toISOString() : value),
        parse: (text: string) => new Date(text).toISOString(),
      },
    },
  };
  // `max_pipeline` is a documented setting that the library's types leave out.
  return postgres(
    url,
    settings as unknown as postgres.Options<Record<string, postgres.PostgresType>>,
  ) as unknown as Postgres;
}
