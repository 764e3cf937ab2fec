import { inject } from "vitest";
import { createDatabase, type FreshDatabase } from "../database/create-database.ts";

/** A migrated, empty database for one test file, in about 50 ms. Call `drop` in `afterAll`. */
export function testDatabase(): Promise<FreshDatabase> {
  return createDatabase(inject("postgresUrl"), { template: inject("templateDatabase") });
}
