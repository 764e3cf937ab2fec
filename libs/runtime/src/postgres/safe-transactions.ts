import { setTimeout as delay } from "node:timers/promises";
import type postgres from "postgres";
import { losesConnection } from "./loses-connection.ts";

type Pool = postgres.Sql<Record<string, unknown>>;
type Act<T> = (sql: postgres.TransactionSql<Record<string, unknown>>) => T | Promise<T>;

/** Deadlock and serialization failure: the server has rolled the transaction back, and the same one may succeed now. */
const CONFLICT = new Set(["40001", "40P01"]);
const MAX_CONFLICTS = 5;

/**
 * Makes the pool's `begin` survive the loss of its connection. The library (postgres 3.4.9) sends a ROLLBACK after a failed
 * transaction even when the connection is gone: this ends the process with an error that cannot be caught, or leaves a
 * connection that never returns to the pool (porsager/postgres issue 1208).
 *
 * Here a transaction whose connection is lost never returns to the library, which therefore writes nothing; its `begin`
 * rejects with the connection error. The server rolls back on its own.
 *
 * A transaction that fails by a conflict with others is run again, so its function must do nothing but ask the database.
 */
export function useSafeTransactions(pool: Pool): Pool {
  const begin = pool.begin.bind(pool) as (options: string, act: Act<unknown>) => Promise<unknown>;

  async function safeBegin<T>(...args: [Act<T>] | [string, Act<T>]): Promise<T> {
    const [options, act] = args.length === 1 ? ["", args[0]] : args;
    let conflicts = 0;
    for (let left = pool.options.max; ; left--) {
      let begun = false;
      try {
        return (await begin(options, async (sql) => {
          begun = true;
          try {
            return await act(sql);
          } catch (error) {
            if (losesConnection(error)) await new Promise(() => {});
            throw error;
          }
        })) as T;
      } catch (error) {
        // The FATAL error of a closed connection can surface on the first transaction of its successor. Nothing was done
        // then, so a retry is safe; each connection reports it once.
        const { code = "" } = error as { code?: string };
        if (CONFLICT.has(code) && conflicts++ < MAX_CONFLICTS) {
          await delay(Math.random() * 20 * 2 ** conflicts);
          continue;
        }
        if (begun || left <= 0 || code !== "57P01") throw error;
      }
    }
  }
  return Object.assign(pool, { begin: safeBegin }) as Pool;
}
