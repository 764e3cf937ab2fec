import { readFileSync } from "node:fs";
import { join } from "node:path";
import { addUser } from "@boocode/identity";
import { connectPostgres, databaseEnv, loadConfig, type Postgres } from "@boocode/runtime";
import { findUserByName, revokeTokens } from "@boocode/store";

const USAGE = `usage:
  npm run admin -- user add NAME       creates a user, or another token for an existing one, and prints the token
  npm run admin -- user revoke NAME    revokes all tokens of a user
DATABASE_URL names the database. Without it, the database of the \`npm start\` that is running here is used.`;

const [noun, verb, name] = process.argv.slice(2);
if (noun !== "user" || (verb !== "add" && verb !== "revoke") || !name?.trim() || name.length > 200) {
  console.error(USAGE);
  process.exit(2);
}
try {
  const { DATABASE_URL, DATABASE_URL_FILE } = process.env;
  const given = DATABASE_URL || DATABASE_URL_FILE ? {} : { DATABASE_URL: startedDatabase() };
  const config = loadConfig(databaseEnv, { ...process.env, ...given });
  const pool = connectPostgres(config.DATABASE_URL, { name: "admin", connections: 1 });
  await run(pool, verb, name.trim()).finally(() => pool.end({ timeout: 2 }));
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
}

async function run(pool: Postgres, verb: "add" | "revoke", name: string): Promise<void> {
  if (verb === "add") {
    const { token, isNew } = await addUser(pool, name);
    console.error(isNew ? `created user ${name}; this token is shown only once:` : `another token for ${name}:`);
    console.log(token);
  } else {
    const user = await findUserByName(pool, name);
    if (!user) throw new Error(`no user is named ${name}`);
    console.error(`revoked ${await revokeTokens(pool, user.id)} tokens`);
  }
}

/** `npm start` keeps the URL of its own database here while it runs. */
function startedDatabase(): string | undefined {
  try {
    return readFileSync(join(process.env.DATA_DIR || ".data", "database-url"), "utf8");
  } catch {
    return undefined;
  }
}
