import { join } from "node:path";
import { migrate as migrateFrom } from "@boocode/runtime";
import { repositoryRoot } from "../files/repository-root.ts";
import type { Log } from "../server.ts";

/**
 * Brings a database up to date with this checkout's `migrations/` and functions.
 * @param options `services`: see `migrate` of @boocode/runtime
 */
export function migrate(databaseUrl: string, options: { services?: string; log?: Log } = {}): Promise<void> {
  const [folder, functions] = ["migrations", "libs/store/functions"].map((path) => join(repositoryRoot, path)) as [
    string,
    string,
  ];
  return migrateFrom(databaseUrl, { ...options, folder, functions });
}
