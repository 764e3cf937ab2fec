import { connectPostgres, type Postgres, untilPostgresReady } from "../postgres/connect-postgres.ts";
import { readPostgresTarget } from "../postgres/postgres-target.ts";
import { connectRedis, type Redis, type RedisSubscriber, untilRedisReady } from "../redis/connect-redis.ts";
import type { RedisConfig } from "../redis/redis-env.ts";
import { parseRedisUrl } from "../redis/redis-url.ts";
import type { ServiceContext } from "./run-service.ts";

const POSTGRES_TIMEOUT_MS = 10_000;

interface BackendsConfig extends RedisConfig {
  DATABASE_URL: string;
  DATABASE_CONNECTIONS: number;
}

export interface Backends {
  pool: Postgres;
  redis: Redis;
}

/**
 * Connects Postgres and Redis, registers their releases, and waits until both answer. A service works without Redis, so a
 * Redis that is still unreachable after `redisTimeoutMs` is only logged; readiness reports it as down.
 * @param options `subscriber`: a second Redis connection to wait for
 * @throws like `untilPostgresReady`, after 10 s without Postgres
 */
export async function connectBackends(
  { name, config, log, onRelease }: ServiceContext<BackendsConfig>,
  options: { redisTimeoutMs: number; subscriber?: RedisSubscriber },
): Promise<Backends> {
  for (const warning of readPostgresTarget(config.DATABASE_URL).warnings) log.warn(`DATABASE_URL: ${warning}`);
  const pool = connectPostgres(config.DATABASE_URL, { name, connections: config.DATABASE_CONNECTIONS });
  onRelease("postgres", () => pool.end({ timeout: 2 }));
  const { ignored } = parseRedisUrl(config.REDIS_URL);
  if (ignored.length > 0) log.warn({ parameters: ignored }, "unknown parameters of REDIS_URL are ignored");
  const redis = connectRedis(config);
  onRelease("redis", () => redis.disconnect());
  const connections = options.subscriber ? [redis, options.subscriber] : [redis];
  const redisReady = Promise.all(connections.map((connection) => untilRedisReady(connection, options.redisTimeoutMs)));
  await Promise.all([
    untilPostgresReady(pool, POSTGRES_TIMEOUT_MS),
    redisReady.catch((err: unknown) => log.warn({ err }, "Redis does not answer; starting without it")),
  ]);
  return { pool, redis };
}
