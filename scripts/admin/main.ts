import { readFileSync } from "node:fs";
import { join } from "node:path";
import { connectPostgres, databaseEnv, loadConfig } from "@boocode/runtime";
import { auditCommands } from "./audit.ts";
import type { Command } from "./command.ts";
import { identityCommands } from "./identity.ts";
import { rootCommands } from "./root.ts";
import { tokenCommands } from "./token.ts";
import { userCommands } from "./user.ts";

// `npm run admin -- NOUN VERB …`. A file for each noun holds its commands.

const COMMANDS: Record<string, Command> = {
  ...userCommands,
  ...tokenCommands,
  ...identityCommands,
  ...rootCommands,
  ...auditCommands,
};

const [noun = "", verb = "", ...args] = process.argv.slice(2);
const command = COMMANDS[`${noun} ${verb}`];
if (!command || args.length < command.args.min || args.length > command.args.max) {
  const lines = Object.entries(COMMANDS).map(([name, { usage, does }]) => `  ${`${name} ${usage}`.padEnd(32)} ${does}`);
  console.error(`usage: npm run admin -- COMMAND\n${lines.join("\n")}
DATABASE_URL names the database. Without it, the database of the \`npm start\` that is running here is used.`);
  process.exit(2);
}
try {
  const { DATABASE_URL, DATABASE_URL_FILE } = process.env;
  const given = DATABASE_URL || DATABASE_URL_FILE ? {} : { DATABASE_URL: startedDatabase() };
  const config = loadConfig(databaseEnv, { ...process.env, ...given });
  const pool = connectPostgres(config.DATABASE_URL, { name: "admin", connections: 1 });
  await command.run(pool, args).finally(() => pool.end({ timeout: 2 }));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

/** `npm start` keeps the URL of its own database here while it runs. */
function startedDatabase(): string | undefined {
  try {
    return readFileSync(join(process.env.DATA_DIR || ".data", "database-url"), "utf8");
  } catch {
    return undefined;
  }
}
