import { setTimeout as delay } from "node:timers/promises";
import postgres from "postgres";
import { losesConnection } from "./loses-connection.ts";
import { openPostgresSocket, type Security } from "./postgres-socket.ts";
import { useSafeTransactions } from "./safe-transactions.ts";
import { DeadlineExceeded, withDeadline } from "./with-deadline.ts";

export type Postgres = postgres.Sql<Record<string, unknown>>;

/** No statement of ours takes longer; one that does is in somebody's way. */
const STATEMENT_MS = 5_000;

/**
 * A pool whose rows have the contracts' shapes: bigint as number (ours stay far below 2^53), timestamps as ISO 8601 in UTC.
 * Every connection gives up a statement or an idle transaction by itself, so that a lock is never held by the dead.
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
    // The socket comes secured, if at all.
    ssl: false,
    max: options.connections,
    // The default back-off leaves queries waiting for up to 40 s after the database is back.
    backoff: () => 0.1 + Math.random() * 0.2,
    connect_timeout: 5,
    // A BEGIN that fills up a pipeline runs without a connection of its own, and everything after it goes wrong
    // (porsager/postgres issue 1189). No pipeline is ever filled up.
    max_pipeline: Number.MAX_SAFE_INTEGER,
    onnotice: () => {},
    connection: {
      application_name: options.name,
      statement_timeout: STATEMENT_MS,
      lock_timeout: STATEMENT_MS - 1_000,
      idle_in_transaction_session_timeout: STATEMENT_MS,
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
  const pool = postgres(url, settings as unknown as postgres.Options<Record<string, postgres.PostgresType>>);
  return useSafeTransactions(pool as unknown as Postgres);
}

/** Wrong credentials and a database that is not there (SQLSTATE 28 and 3D) do not pass by waiting. */
const REFUSED = /^(28|3D)/;

/**
 * Resolves when the server answers: whoever starts while it does so too waits for it.
 * @throws what it said, or how it could not be reached, when that lasts longer than `ms`
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
      // The last of many tries may be cut short by the deadline, and says less than the one before.
      if (error instanceof DeadlineExceeded || performance.now() > deadline) throw why ?? error;
      if (!losesConnection(error) || REFUSED.test(String((error as { code?: unknown }).code))) throw error;
      why = error;
      await delay(200);
    }
  }
}

/** In the words of libpq's `sslmode`, or `ssl=true`, as the client library takes them. */
function securityOf(url: string): Security {
  const params = new URL(url).searchParams;
  const mode = params.get("sslmode") ?? params.get("ssl") ?? "disable";
  if (mode === "disable" || mode === "false") return "none";
  if (mode === "prefer" || mode === "allow") return "if_offered";
  return mode === "require" ? "any" : "verified";
}
