import { Redis, type RedisOptions } from "ioredis";

export type { Redis };

/** Reconnects within 250 ms, with jitter. */
const retryStrategy = () => 50 + Math.random() * 200;

/** The server has become a replica of another, to which the address may lead by now. The failed command rejects. */
const reconnectOnError = (error: Error) => /^(READONLY|MASTERDOWN)/.test(error.message);

const common = { retryStrategy, reconnectOnError, connectTimeout: 2_000, keepAlive: 10_000 } satisfies RedisOptions;

function quiet(redis: Redis): Redis {
  // Without a listener, ioredis prints each failed connect. Readiness reports them, and every command fails by itself.
  redis.on("error", () => {});
  // The ready check of ioredis calls INFO, and prints a warning on each connect when the user may not. It then counts the server
  // as ready, and so does an answer that states nothing.
  const info = redis.info.bind(redis) as (...args: unknown[]) => unknown;
  const tolerant = (...args: unknown[]) => {
    const done = args.at(-1);
    if (typeof done !== "function") return info(...args);
    return info(...args.slice(0, -1), (error: Error | null, text?: string) =>
      error?.message.includes("NOPERM") ? done(null, "") : done(error, text),
    );
  };
  return Object.assign(redis, { info: tolerant });
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
