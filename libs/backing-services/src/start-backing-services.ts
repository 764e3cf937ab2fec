import { startPostgres } from "./postgres/start-postgres.ts";
import { startRedis } from "./redis/start-redis.ts";
import type { Log } from "./server.ts";

export interface BackingServices {
  databaseUrl: string;
  redisUrl: string;
  /** One phrase each, for people: which server was taken. */
  how: { postgres: string; redis: string };
  /** Stops what was started, and waits for it. */
  stop(): Promise<void>;
}

/**
 * A Postgres and a Redis, found or started side by side.
 * @param options.dataDir where data is kept, or where folders for throw-away data are made
 * @param options.keep whether the data is for the next start too
 * @throws an error that says what was tried and what to do; then nothing is left running
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
