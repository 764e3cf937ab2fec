import {
  connectPostgres,
  folderToolEnv,
  loadConfig,
  migrate,
  migrationEnv,
  readPostgresTarget,
} from "@boocode/runtime";
import { describeOverlaps } from "./admin/describe-overlaps.ts";

try {
  const { DATABASE_URL, MIGRATION_DATABASE_URL } = loadConfig(migrationEnv, process.env);
  const { USER_ROOTS } = loadConfig(folderToolEnv, process.env);
  const owner = MIGRATION_DATABASE_URL ?? DATABASE_URL;
  for (const [name, url] of Object.entries({ DATABASE_URL, MIGRATION_DATABASE_URL }))
    for (const warning of url ? readPostgresTarget(url).warnings : []) console.error(`${name}: ${warning}`);
  await migrate(owner, {
    folder: "migrations",
    functions: "libs/store/functions",
    services: MIGRATION_DATABASE_URL && DATABASE_URL,
    log: console.log,
  });
  console.log("The database is up to date.");
  const pool = connectPostgres(owner, { name: "migrate", connections: 1 });
  const overlaps = await describeOverlaps(pool, USER_ROOTS).finally(() => pool.end({ timeout: 2 }));
  if (overlaps.length > 0) {
    console.log(
      "Folders of one user lie in a folder of another. Take grants back that should not be: admin root revoke USER PATH",
    );
    for (const line of overlaps) console.log(`  ${line}`);
  }
} catch (error) {
  console.error(`migrate: ${(error as Error).message}`);
  process.exitCode = 1;
}
