import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import type { Scope } from "@boocode/contracts";
import { addUser, findCaller } from "@boocode/identity";
import { connectPostgres } from "@boocode/runtime";
import { changeScopes, changeUser, createGrant } from "@boocode/store";

const EVERY_SCOPE: Scope[] = ["read", "ask", "admin"];

/**
 * Makes this machine's own user an administrator with these folders.
 * @param folders real paths
 * @returns a token with every scope; it is saved next to the data, readable only by its owner, so that it stays the same
 */
export async function localUser(databaseUrl: string, dataDir: string, folders: string[]): Promise<string> {
  const file = resolve(dataDir, "token");
  const pool = connectPostgres(databaseUrl, { name: "start", connections: 1 });
  try {
    const kept = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
    let token = kept;
    let caller = await findCaller(pool, kept);
    if (!caller) {
      token = (await addUser(pool, "local", { token: { scopes: EVERY_SCOPE } })).token;
      writeFileSync(file, `${token}\n`, { mode: 0o600 });
      caller = await findCaller(pool, token);
    }
    if (!caller?.tokenId) throw new Error("the user `local` is disabled; npm run admin -- user enable local");
    // A token and a user that an earlier version made.
    if (!caller.scopes.includes("admin")) await changeScopes(pool, caller.tokenId, EVERY_SCOPE);
    if (caller.role !== "admin") await changeUser(pool, "operator", caller.userId, { role: "admin" });
    for (const path of folders) await createGrant(pool, { userId: caller.userId, path, by: "operator" });
    return token;
  } finally {
    await pool.end({ timeout: 2 });
  }
}
