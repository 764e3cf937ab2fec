import { randomBytes } from "node:crypto";
import type { TestProject } from "vitest/node";
import { createDatabase, dropRole } from "../database/create-database.ts";
import { migrate } from "../database/migrate.ts";
import { servicesUrl } from "../database/services-url.ts";
import { startPostgres } from "../postgres/start-postgres.ts";
import { startRedis } from "../redis/start-redis.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** A database server for the whole run, whose user may create databases. */
    postgresUrl: string;
    /** The migrated database that test files copy. */
    templateDatabase: string;
    /** The template with the login of the services' role, which all copies share. */
    servicesUrl: string;
    /** A Redis that all test files share: use unique keys and channels, or `testRedis()`. */
    redisUrl: string;
  }
}

/** One throw-away Postgres and Redis for a whole run of vitest. They stop with it, also on Ctrl-C and after SIGKILL. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const log = (line: string) => process.stderr.write(`${line}\n`);
  const postgres = await startPostgres({ keep: false, log });
  const releases = [postgres.stop];
  const release = async () => {
    for (const each of releases.splice(0).reverse()) await each();
  };
  try {
    const redis = await startRedis({ keep: false, log });
    releases.push(redis.stop);
    const template = await createDatabase(postgres.url);
    // A private server is removed as a whole, but a given one would keep the template.
    const services = servicesUrl(template.url, `boocode_test_${randomBytes(4).toString("hex")}`);
    releases.push(async () => {
      await template.drop();
      await dropRole(postgres.url, new URL(services).username);
    });
    await migrate(template.url, { services });
    project.provide("postgresUrl", postgres.url);
    project.provide("templateDatabase", new URL(template.url).pathname.slice(1));
    project.provide("servicesUrl", services);
    project.provide("redisUrl", redis.url);
    return release;
  } catch (error) {
    await release();
    throw error;
  }
}
