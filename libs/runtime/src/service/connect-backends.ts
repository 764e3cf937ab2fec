import { connectPostgres, type Postgres, untilPostgresReady } from "../postgres/connect-postgres.ts";
import { findExcessRights } from "../postgres/excess-rights.ts";
import { readPostgresTarget } from "../postgres/postgres-target.ts";
import { connectRedis, type Redis, type RedisSubscriber, untilRedisReady } from "../redis/connect-redis.ts";
import type { RedisConfig } from "../redis/redis-env.ts";
import { parseRedisUrl } from "../redis/redis-url.ts";
import type { ServiceContext } from "./run-service.ts";

const POSTGRES_TIMEOUT_MS = 10_000;

const ADVICE =
  "Migrate with the owner's URL in MIGRATION_DATABASE_URL and that of a role of the services' own in DATABASE_URL: see docs/operations.md";

interface BackendsConfig extends RedisConfig {
  DATABASE_URL: string;
  DATABASE_CONNECTIONS: number;
  REQUIRE_LEAST_PRIVILEGE: "0" | "1";
}

export interface Backends {
  pool: Postgres;
  redis: Redis;
}

/**
 * Connects Postgres and Redis, registers their releases, and waits until both answer. A service works without Redis, so a
 * Redis that is still unreachable after `redisTimeoutMs` is only logged; readiness reports it as down.
 * @param options `subscriber`: a second Redis connection to wait for
 * @throws like `untilPostgresReady`, after 10 s without Postgres; and, where the configuration demands it, when the database
 *   role may do more than a service needs
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
    untilPostgresReady(pool, POSTGRES_TIMEOUT_MS).then(async () => {
      const rights = await findExcessRights(pool);
      if (rights.length === 0) return;
      const what = `the role of DATABASE_URL may do more than read and write rows: it ${rights.join(", ")}`;
      if (config.REQUIRE_LEAST_PRIVILEGE === "1")
        throw new Error(`${what}; REQUIRE_LEAST_PRIVILEGE=1 forbids it. ${ADVICE}`);
      log.warn(`${what}. ${ADVICE}`);
    }),
    redisReady.catch((err: unknown) => log.warn({ err }, "Redis does not answer; starting without it")),
  ]);
  return { pool, redis };
}
