import { migrate } from "@boocode/backing-services";

const databaseUrl = process.env.DATABASE_URL;
if (!databaseUrl || !URL.canParse(databaseUrl)) {
  console.error("npm run migrate: set DATABASE_URL to the database, as in postgres://user:password@host:5432/boocode");
  process.exit(1);
}
try {
  await migrate(databaseUrl, { log: console.log });
  console.log("The database is up to date.");
} catch (error) {
  console.error(`npm run migrate: ${(error as Error).message}`);
  process.exitCode = 1;
}
