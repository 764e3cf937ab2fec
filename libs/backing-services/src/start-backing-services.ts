import { startPostgres } from "./postgres/start-postgres.ts";
import { startRedis } from "./redis/start-redis.ts";
import type { Log } from "./server.ts";

export interface BackingServices {
  databaseUrl: string;
  redisUrl: string;
  /** One human-readable phrase each: which server is used. */
  how: { postgres: string; redis: string };
  /** Stops what was started, and waits for it. */
  stop(): Promise<void>;
}

/**
 * Finds or starts a Postgres and a Redis, in parallel.
 * @param options.dataDir the folder of kept data, or the parent of the folders for throw-away data
 * @param options.keep whether to keep the data for the next start
 * @throws an error that lists what was tried and says what to do; then nothing is left running
 */
export async function startBackingServices(options: {
  dataDir: string;
  keep: boolean;
  log?: Log;
}): Promise<BackingServices> {
  const [postgres, redis] = await Promise.allSettled([startPostgres(options), startRedis(options)]);
  if (postgres.status === "fulfilled" && redis.status === "fulfilled") {
    return {
      databaseUrl: postgres.value.url,
      redisUrl: redis.value.url,
      how: { postgres: postgres.value.how, redis: redis.value.how },
      stop: async () => {
        const stopped = await Promise.allSettled([postgres.value.stop(), redis.value.stop()]);
        const failures = stopped.flatMap((result) => (result.status === "rejected" ? [result.reason] : []));
        if (failures.length > 0) throw new AggregateError(failures, "a backing service did not stop");
      },
    };
  }
  const failures: unknown[] = [];
  for (const result of [postgres, redis]) {
    if (result.status === "fulfilled") await result.value.stop();
    else failures.push(result.reason);
  }
  const words = failures.map((failure) => (failure as Error).message).join("\n\n");
  throw new Error(words, { cause: failures.length === 1 ? failures[0] : new AggregateError(failures) });
}
