import { inject } from "vitest";
import { createDatabase, type FreshDatabase } from "../database/create-database.ts";

/** A migrated database for one test file. */
export interface TestDatabase extends FreshDatabase {
  /** With the role of the services, which may only read and write rows. */
  url: string;
  /** With the role that owns the tables, for what only an oracle or a migration does. */
  ownerUrl: string;
}

/** A migrated, empty database, in about 50 ms. Call `drop` in `afterAll`. */
export async function testDatabase(): Promise<TestDatabase> {
  const { url: ownerUrl, drop } = await createDatabase(inject("postgresUrl"), { template: inject("templateDatabase") });
  const url = new URL(inject("servicesUrl"));
  url.pathname = new URL(ownerUrl).pathname;
  return { url: url.href, ownerUrl, drop };
}

export { type RedisCluster, startRedisCluster } from "./redis-cluster.ts";
export { type RedisSentinels, startRedisSentinels } from "./redis-sentinels.ts";
export { testRedis } from "./test-redis.ts";
