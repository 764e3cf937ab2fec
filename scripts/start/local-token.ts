import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { addUser, findCaller } from "@boocode/identity";
import { connectPostgres } from "@boocode/runtime";

/**
 * The token of this machine's own user. It is saved next to the data, readable only by its owner, so that it stays the same.
 */
export async function localToken(databaseUrl: string, dataDir: string): Promise<string> {
  const file = resolve(dataDir, "token");
  const pool = connectPostgres(databaseUrl, { name: "start", connections: 1 });
  try {
    if (existsSync(file)) {
      const kept = readFileSync(file, "utf8").trim();
      if (await findCaller(pool, kept)) return kept;
    }
    const { token } = await addUser(pool, "local");
    writeFileSync(file, `${token}\n`, { mode: 0o600 });
    return token;
  } finally {
    await pool.end({ timeout: 2 });
  }
}
