import { setTimeout as delay } from "node:timers/promises";
import postgres from "postgres";
import { keepSecret } from "../service/secrets.ts";
import { DeadlineExceeded, withDeadline } from "../with-deadline.ts";
import { clientOptions } from "./client-options.ts";
import { losesConnection } from "./loses-connection.ts";
import { type PostgresTarget, readPostgresTarget } from "./postgres-target.ts";
import { FACTS, type SessionFacts, settingsFor } from "./prepare-session.ts";
import { useSafeTransactions } from "./safe-transactions.ts";
import { refuseSharedSessions } from "./shared-sessions.ts";
import type { NewSession } from "./speak-first.ts";

export type Postgres = postgres.Sql<Record<string, unknown>>;

/** Time limit of a statement, because a slow one blocks others. */
const STATEMENT_MS = 5_000;

/**
 * A pool whose rows match the contracts: bigint as number (all values stay far below 2^53), timestamps as ISO 8601 in UTC.
 * The server aborts slow statements and idle transactions, so that a dead client holds no lock.
 * @param url see `readPostgresTarget`
 * @param options `statementMs`: another time limit of statements; 0: none
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
  /** Done once: a pooler does not change its mode. */
  let check: Promise<void> | undefined;
  async function prepare(session: NewSession): Promise<void> {
    const [[facts] = []] = await session.ask(FACTS);
    const read = JSON.parse(facts as string) as SessionFacts;
    // Poolers send a process id of their own. Checked before the first SET, which a pooler in transaction mode would apply to the
    // sessions of other clients.
    if (read.pid !== session.pid) {
      check ??= refuseSharedSessions(session, target);
      await check.catch((error: unknown) => {
        check = undefined;
        throw error;
      });
    }
    await session.ask(settingsFor(read, target, statementMs));
  }
  const pool = postgres(clientOptions(target, { ...options, statementMs }, prepare));
  return useSafeTransactions(pool as unknown as Postgres);
}

export function targetOf(url: string): PostgresTarget {
  try {
    return readPostgresTarget(url);
  } catch (error) {
    throw new Error(`DATABASE_URL: ${(error as Error).message}`);
  }
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
