import { randomUUID } from "node:crypto";
import { createToken, createUser, findUserByName, type Pool } from "@boocode/store";
import { hashSecret, makeToken } from "./tokens.ts";

/** Creates a token for the user of this name, and the user if there is none. Only this call can return the token. */
export async function addUser(pool: Pool, name: string): Promise<{ userId: string; token: string; isNew: boolean }> {
  const token = makeToken();
  return await pool.begin(async (sql) => {
    const known = await findUserByName(sql, name);
    const userId = known?.id ?? randomUUID();
    if (!known) await createUser(sql, { id: userId, name });
    await createToken(sql, { id: randomUUID(), userId, tokenHash: hashSecret(token) });
    return { userId, token, isNew: !known };
  });
}
