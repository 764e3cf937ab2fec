import { Redis, type RedisOptions } from "ioredis";

export type { Redis };

/** Reconnects within 250 ms, with jitter. */
const retryStrategy = () => 50 + Math.random() * 200;

const common = { retryStrategy, connectTimeout: 2_000, keepAlive: 10_000 } satisfies RedisOptions;

function quiet(redis: Redis): Redis {
  // Without a listener, ioredis prints each failed connect. Readiness reports them, and every command fails by itself.
  redis.on("error", () => {});
  return redis;
}

/** For commands. They fail fast while Redis is away or hangs, because every caller can do without it for a while. */
export function connectRedis(url: string, commandTimeoutMs = 1_000): Redis {
  return quiet(
    new Redis(url, {
      ...common,
      commandTimeout: commandTimeoutMs,
      enableOfflineQueue: false,
      maxRetriesPerRequest: 0,
    }),
  );
}

/** For subscriptions. ioredis must not resubscribe, because the follower does so after each reconnect. */
export function connectRedisSubscriber(url: string): Redis {
  return quiet(
    new Redis(url, {
      ...common,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
      enableOfflineQueue: false,
      commandTimeout: 2_000,
      maxRetriesPerRequest: 0,
    }),
  );
}

/** For a BullMQ worker, whose blocking reads have no time-out. */
export function connectRedisBlocking(url: string): Redis {
  return quiet(new Redis(url, { ...common, maxRetriesPerRequest: null }));
}

/** Resolves when the connection is ready. @throws when it is not ready within `ms` */
export async function untilRedisReady(redis: Redis, ms: number): Promise<void> {
  if (redis.status === "ready") return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(() => {
      redis.off("ready", ready);
      reject(new Error(`Redis did not answer within ${ms} ms`));
    }, ms);
    const ready = () => {
      clearTimeout(timer);
      resolve();
    };
    redis.once("ready", ready);
  });
}
