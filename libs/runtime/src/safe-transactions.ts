import type postgres from "postgres";
import { losesConnection } from "./loses-connection.ts";

type Pool = postgres.Sql<Record<string, unknown>>;
type Act<T> = (sql: postgres.ReservedSql<Record<string, unknown>>) => T | Promise<T>;

/**
 * Replaces the pool's `begin` by one that survives the loss of its connection. The library's own (3.4.9) answers a lost
 * connection with a ROLLBACK written to it, which ends the process by an error that nobody can catch or leaves a connection that
 * never comes back (porsager/postgres issues 1208 and 1189); and a BEGIN that is the last of a full pipeline runs without
 * having a connection of its own.
 *
 * Here a transaction reserves its connection first, and nothing is written to one that is lost: the server rolls back by
 * itself, and the pool opens another.
 */
export function useSafeTransactions(pool: Pool): Pool {
  async function begin<T>(...args: [Act<T>] | [string, Act<T>]): Promise<T> {
    const [options, act] = args.length === 1 ? ["", args[0]] : args;
    const sql = await reserve(pool);
    let lost = false;
    try {
      await sql.unsafe(`begin ${options}`);
      const result = await act(sql);
      // Postgres answers the COMMIT of a transaction in which a statement failed with ROLLBACK, and no error.
      const { command } = await sql.unsafe("commit");
      if (command !== "COMMIT") throw new Error("a statement of this transaction failed, so that it was rolled back");
      return result;
    } catch (error) {
      lost = losesConnection(error);
      if (!lost) {
        await sql.unsafe("rollback").catch((failed: unknown) => {
          lost = losesConnection(failed);
        });
      }
      throw error;
    } finally {
      if (!lost) sql.release();
    }
  }
  return Object.assign(pool, { begin }) as Pool;
}

/**
 * The library hands the last words of a connection that was ended by the server to whoever asks first for the one that takes
 * its place. Nothing was done then, and asking again is safe; each connection says them once.
 */
async function reserve(pool: Pool): Promise<postgres.ReservedSql<Record<string, unknown>>> {
  for (let left = pool.options.max; ; left--) {
    try {
      return await pool.reserve();
    } catch (error) {
      if (left <= 0 || (error as { code?: string }).code !== "57P01") throw error;
    }
  }
}
