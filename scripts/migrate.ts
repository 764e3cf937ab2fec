import { connectPostgres, databaseEnv, folderToolEnv, loadConfig, migrate, readPostgresTarget } from "@boocode/runtime";
import { describeOverlaps } from "./admin/describe-overlaps.ts";

try {
  const { DATABASE_URL } = loadConfig(databaseEnv, process.env);
  const { USER_ROOTS } = loadConfig(folderToolEnv, process.env);
  for (const warning of readPostgresTarget(DATABASE_URL).warnings) console.error(`DATABASE_URL: ${warning}`);
  await migrate(DATABASE_URL, { folder: "migrations", log: console.log });
  console.log("The database is up to date.");
  const pool = connectPostgres(DATABASE_URL, { name: "migrate", connections: 1 });
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
