import type postgres from "postgres";
import { losesConnection } from "./loses-connection.ts";

type Pool = postgres.Sql<Record<string, unknown>>;
type Act<T> = (sql: postgres.TransactionSql<Record<string, unknown>>) => T | Promise<T>;

/**
 * Makes the pool's `begin` survive the loss of its connection. The library (postgres 3.4.9) answers a transaction that failed
 * with a ROLLBACK, also on a connection that is gone: that ends the process by an error which nobody can catch, or leaves a
 * connection that never comes back (porsager/postgres issue 1208).
 *
 * Here a transaction whose connection is lost never comes back to the library, which so writes nothing more, and whose
 * `begin` fails all the same: the library tells it of the closed connection. The server rolls back by itself.
 */
export function useSafeTransactions(pool: Pool): Pool {
  const begin = pool.begin.bind(pool) as (options: string, act: Act<unknown>) => Promise<unknown>;

  async function safeBegin<T>(...args: [Act<T>] | [string, Act<T>]): Promise<T> {
    const [options, act] = args.length === 1 ? ["", args[0]] : args;
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
        // The last words of a connection that the server ended are handed to whoever is first on the one that takes its
        // place. Nothing was done then, so that asking again is safe; each connection says them once.
        if (begun || left <= 0 || (error as { code?: string }).code !== "57P01") throw error;
      }
    }
  }
  return Object.assign(pool, { begin: safeBegin }) as Pool;
}
