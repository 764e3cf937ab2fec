import { setTimeout as delay } from "node:timers/promises";
import postgres from "postgres";
import { keepSecret } from "../service/secrets.ts";
import { DeadlineExceeded, withDeadline } from "../with-deadline.ts";
import { losesConnection } from "./loses-connection.ts";
import { openPostgresSocket } from "./postgres-socket.ts";
import { type PostgresTarget, readPostgresTarget } from "./postgres-target.ts";
import { FACTS, PROCESS, type SessionFacts, settingsFor } from "./prepare-session.ts";
import { useSafeTransactions } from "./safe-transactions.ts";
import { type NewSession, speakFirst } from "./speak-first.ts";

export type Postgres = postgres.Sql<Record<string, unknown>>;

/** The upper bound for every statement, because a slow one blocks others. */
const STATEMENT_MS = 5_000;

/**
 * A pool whose rows match the contracts: bigint as number (all values stay far below 2^53), timestamps as ISO 8601 in UTC.
 * The server aborts slow statements and idle transactions, so that a dead client holds no lock.
 * @param url see `readPostgresTarget`
 * @param options `statementMs`: another upper bound for statements; 0 is none
 * @throws Error when the URL is invalid
 */
export function connectPostgres(
  url: string,
  options: { name: string; connections: number; statementMs?: number },
): Postgres {
  const target = targetOf(url);
  keepSecret(target.password);
  keepSecret(target.tls.keyPassword);
  const { statementMs = STATEMENT_MS } = options;
  let isOurs = false;
  async function prepare(session: NewSession): Promise<void> {
    const [[facts] = []] = await session.ask(FACTS);
    const read = JSON.parse(facts as string) as SessionFacts;
    // Before the first SET: through a pooler in transaction mode, it would change the sessions of others.
    if (!isOurs && read.pid !== session.pid) await refuseSharedSessions(session, target);
    isOurs = true;
    await session.ask(settingsFor(read, target, statementMs));
  }
  const pool = postgres(clientOptions(target, { ...options, statementMs }, prepare));
  return useSafeTransactions(pool as unknown as Postgres);
}

function targetOf(url: string): PostgresTarget {
  try {
    return readPostgresTarget(url);
  } catch (error) {
    throw new Error(`DATABASE_URL: ${(error as Error).message}`);
  }
}

type ClientOptions = postgres.Options<Record<string, postgres.PostgresType>>;

function clientOptions(
  target: PostgresTarget,
  options: { name: string; connections: number; statementMs: number },
  prepare?: (session: NewSession) => Promise<void>,
): ClientOptions {
  const { addresses, user, password, database, tls, applicationName, startupOptions } = target;
  const silenceMs = options.statementMs && options.statementMs + 1_000;
  /** The address that worked last, or the one after the one that did not. */
  let first = 0;
  const [{ host, port }] = addresses as [(typeof addresses)[0]];
  const settings = {
    async socket() {
      const order = [...addresses.slice(first), ...addresses.slice(0, first)];
      const { socket, tried } = await openPostgresSocket(order, tls, { connectMs: target.connectTimeoutMs, silenceMs });
      first = (first + tried) % addresses.length;
      if (prepare) {
        speakFirst(socket, async (session) => {
          try {
            await prepare(session);
          } catch (error) {
            first = (first + 1) % addresses.length;
            throw error;
          }
        });
      }
      return socket;
    },
    // Arrays, because the client would take texts apart. They serve its error messages only.
    ...{ host: [host], port: [port] },
    ...{ user, pass: password, database },
    // TLS, if any, is done in `openPostgresSocket`.
    ssl: false,
    max: options.connections,
    // With the default back-off, queries would wait for up to 40 s after the database is back.
    backoff: () => 0.1 + Math.random() * 0.2,
    connect_timeout: target.connectTimeoutMs / 1_000,
    keep_alive: target.keepAlive,
    // A BEGIN that fills a pipeline runs without a reserved connection and corrupts what follows (porsager/postgres issue
    // 1189). With this limit no pipeline fills.
    max_pipeline: Number.MAX_SAFE_INTEGER,
    onnotice: () => {},
    connection: {
      application_name: applicationName ?? options.name,
      ...(startupOptions && { options: startupOptions }),
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
  return settings as unknown as ClientOptions;
}

/** A pooler with little room may let the second connection wait. */
const SECOND_MS = 2_000;
const ROUNDS = 8;

/**
 * Rejects when the sessions of a pooler are not the client's own: in transaction mode, two connected clients meet the same
 * process of the server, or one client meets several. Neither can happen in session mode. Changes nothing in the sessions.
 */
async function refuseSharedSessions(session: NewSession, target: PostgresTarget): Promise<void> {
  const second = postgres({
    ...clientOptions(target, { name: "pooler check", connections: 1, statementMs: STATEMENT_MS }),
    fetch_types: false,
  });
  const seen = new Set<string>();
  try {
    for (let round = 0; round < ROUNDS; round++) {
      const [[mine] = []] = await session.ask(PROCESS);
      seen.add(mine as string);
      const [other] = await withDeadline(SECOND_MS, "a second connection", second.unsafe(PROCESS).values()).catch(
        () => [],
      );
      if (seen.size > 1 || (other && seen.has(other[0] as string))) throw new SharedSessions();
      if (!other) break;
    }
  } finally {
    await second.end({ timeout: 0 });
  }
}

class SharedSessions extends Error {
  override name = "SharedSessions";
  override message =
    "DATABASE_URL leads to a connection pooler in transaction or statement mode, and BooCode needs sessions of its own: " +
    "set pool_mode = session, or use the provider's direct address or that of its session pooler";
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
