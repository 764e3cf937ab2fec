import { inject } from "vitest";
import { createDatabase, type FreshDatabase } from "../database/create-database.ts";
import { startRedis } from "../redis/start-redis.ts";
import type { Server } from "../server.ts";

/** A migrated, empty database for one test file, in about 50 ms. Call `drop` in `afterAll`. */
export function testDatabase(): Promise<FreshDatabase> {
  return createDatabase(inject("postgresUrl"), { template: inject("templateDatabase") });
}

/** A private, empty Redis for one test file, in about 80 ms; it may be killed and restarted. Call `stop` in `afterAll`. */
export function testRedis(options: { appendOnly?: boolean } = {}): Promise<Server> {
  return startRedis({ keep: false, ...options, order: ["installed", "extracted", "given", "container"] });
}
