import { databaseEnv, loadConfig, migrate, readPostgresTarget } from "@boocode/runtime";

try {
  const { DATABASE_URL } = loadConfig(databaseEnv, process.env);
  for (const warning of readPostgresTarget(DATABASE_URL).warnings) console.error(`DATABASE_URL: ${warning}`);
  await migrate(DATABASE_URL, { folder: "migrations", log: console.log });
  console.log("The database is up to date.");
} catch (error) {
  console.error(`migrate: ${(error as Error).message}`);
  process.exitCode = 1;
}
