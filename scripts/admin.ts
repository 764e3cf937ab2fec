import { readFileSync } from "node:fs";
import { join } from "node:path";
import { addUser } from "@boocode/identity";
import { connectPostgres } from "@boocode/runtime";
import { findUserByName, revokeTokens } from "@boocode/store";

const USAGE = `usage:
  npm run admin -- user add NAME       creates a user, or another token for an existing one, and prints the token
  npm run admin -- user revoke NAME    revokes all tokens of a user
DATABASE_URL names the database. Without it, the database of the \`npm start\` that is running here is used.`;

const [noun, verb, name] = process.argv.slice(2);
const databaseUrl = process.env.DATABASE_URL || startedDatabase();
if (noun !== "user" || (verb !== "add" && verb !== "revoke") || !name?.trim() || name.length > 200) {
  console.error(USAGE);
  process.exit(2);
}
if (!databaseUrl || !URL.canParse(databaseUrl)) {
  console.error("set DATABASE_URL, as in postgres://user:password@host:5432/boocode, or leave npm start running");
  process.exit(1);
}
const pool = connectPostgres(databaseUrl, { name: "admin", connections: 1 });
try {
  if (verb === "add") {
    const { token, isNew } = await addUser(pool, name.trim());
    console.error(
      isNew ? `created user ${name.trim()}; this token is shown only once:` : `another token for ${name.trim()}:`,
    );
    console.log(token);
  } else {
    const user = await findUserByName(pool, name.trim());
    if (!user) throw new Error(`no user is named ${name.trim()}`);
    console.error(`revoked ${await revokeTokens(pool, user.id)} tokens`);
  }
} catch (error) {
  console.error((error as Error).message);
  process.exitCode = 1;
} finally {
  await pool.end({ timeout: 2 });
}

/** `npm start` keeps the URL of its own database here while it runs. */
function startedDatabase(): string | undefined {
  try {
    return readFileSync(join(process.env.DATA_DIR || ".data", "database-url"), "utf8");
  } catch {
    return undefined;
  }
}
