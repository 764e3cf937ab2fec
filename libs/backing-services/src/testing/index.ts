import { inject } from "vitest";
import { createDatabase, type FreshDatabase } from "../database/create-database.ts";

/** A migrated, empty database for one test file, in about 50 ms. Call `drop` in `afterAll`. */
export function testDatabase(): Promise<FreshDatabase> {
  return createDatabase(inject("postgresUrl"), { template: inject("templateDatabase") });
}

export { type RedisCluster, startRedisCluster } from "./redis-cluster.ts";
export { type RedisSentinels, startRedisSentinels } from "./redis-sentinels.ts";
export { testRedis } from "./test-redis.ts";
