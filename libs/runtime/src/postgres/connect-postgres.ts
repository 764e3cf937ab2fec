import { setTimeout as delay } from "node:timers/promises";
import postgres from "postgres";
import { DeadlineExceeded, withDeadline } from "../with-deadline.ts";
import { losesConnection } from "./loses-connection.ts";
import { openPostgresSocket, type Security } from "./postgres-socket.ts";
import { useSafeTransactions } from "./safe-transactions.ts";

export type Postgres = postgres.Sql<Record<string, unknown>>;

/** `statement_timeout`: an upper bound for every statement, because a slow one blocks others. */
const STATEMENT_MS = 5_000;

/**
 * A pool whose rows match the contracts: bigint as number (all values stay far below 2^53), timestamps as ISO 8601 in UTC.
 * The server aborts slow statements and idle transactions, so that a dead client holds no lock.
 */
export function connectPostgres(url: string, options: { name: string; connections: number }): Postgres {
  const security = securityOf(url);
  const settings = {
    socket: ({ host, port, path }: { host: string[]; port: number[]; path: string | false }) =>
      openPostgresSocket(
        path ? { path } : { host: host[0] ?? "127.0.0.1", port: port[0] ?? 5432 },
        security,
        STATEMENT_MS + 1_000,
      ),
    // TLS, if any, is done in `openPostgresSocket`.
    ssl: false,
    max: options.connections,
    // With the default back-off, queries would wait for up to 40 s after the database is back.
    backoff: () => 0.1 + Math.random() * 0.2,
    connect_timeout: 5,
    // A BEGIN that fills a pipeline runs without a reserved connection and corrupts what follows (porsager/postgres issue
    // 1189). With this limit no pipeline fills.
    max_pipeline: Number.MAX_SAFE_INTEGER,
    onnotice: () => {},
    connection: {
      application_name: options.name,
      statement_timeout: STATEMENT_MS,
      lock_timeout: STATEMENT_MS - 1_000,
      idle_in_transaction_session_timeout: STATEMENT_MS,
      // Defaults of the database or the role would change what timestamps look like, and which conflicts transactions see.
      DateStyle: "ISO, MDY",
      TimeZone: "UTC",
      default_transaction_isolation: "read committed",
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
  // `max_pipeline` is documented, but missing from the library's types.
  const pool = postgres(url, settings as unknown as postgres.Options<Record<string, postgres.PostgresType>>);
  return useSafeTransactions(pool as unknown as Postgres);
}

/** SQLSTATE 28 (wrong credentials) and 3D (no such database): waiting does not help. */
const REFUSED = /^(28|3D)/;

/**
 * Resolves when the server answers; waits for a server that is still starting.
 * @throws the server's error, or the connection error, when it does not answer within `ms`
 */
export async function untilPostgresReady(pool: Postgres, ms: number): Promise<void> {
  const deadline = performance.now() + ms;
  let why: unknown;
  for (;;) {
    try {
      const left = Math.max(1, deadline - performance.now());
      await withDeadline(left, "Postgres", pool`select 1`);
      return;
    } catch (error) {
      // The deadline may cut the last try short; the error of the try before it says more.
      if (error instanceof DeadlineExceeded || performance.now() > deadline) throw why ?? error;
      if (!losesConnection(error) || REFUSED.test(String((error as { code?: unknown }).code))) throw error;
      why = error;
      await delay(200);
    }
  }
}

/** The security that the URL asks for, by libpq's `sslmode` or the client library's `ssl=true`. */
function securityOf(url: string): Security {
  const params = new URL(url).searchParams;
  const mode = params.get("sslmode") ?? params.get("ssl") ?? "disable";
  if (mode === "disable" || mode === "false") return "none";
  if (mode === "prefer" || mode === "allow") return "if_offered";
  return mode === "require" ? "any" : "verified";
}
