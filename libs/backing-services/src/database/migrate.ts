import { join } from "node:path";
import { migrate as migrateFrom } from "@boocode/runtime";
import { repositoryRoot } from "../files/repository-root.ts";
import type { Log } from "../server.ts";

/**
 * Brings a database up to date with this checkout's `migrations/`.
 * @param options `services`: see `migrate` of @boocode/runtime
 */
export function migrate(databaseUrl: string, options: { services?: string; log?: Log } = {}): Promise<void> {
  return migrateFrom(databaseUrl, { ...options, folder: join(repositoryRoot, "migrations") });
}
