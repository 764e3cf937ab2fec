import { randomUUID } from "node:crypto";
import { testDatabase } from "@boocode/backing-services/testing";
import { bearerToken, findCaller, hashSecret, makeToken } from "@boocode/identity";
import { connectPostgres, type Postgres } from "@boocode/runtime";
import { createToken, createUser, revokeTokens } from "@boocode/store";
import { afterAll, beforeAll, expect, test } from "vitest";

let pool: Postgres;
let drop: () => Promise<void>;

beforeAll(async () => {
  const database = await testDatabase();
  drop = database.drop;
  pool = connectPostgres(database.url, { name: "test", connections: 2 });
});
afterAll(async () => {
  await pool.end({ timeout: 2 });
  await drop();
});

async function newCaller() {
  const [userId, tokenId, token] = [randomUUID(), randomUUID(), makeToken()];
  await createUser(pool, { id: userId, name: userId });
  await createToken(pool, { id: tokenId, userId, tokenHash: hashSecret(token) });
  return { userId, tokenId, token };
}

test("tokens are 256 random bits with a recognizable prefix, and unique", () => {
  const tokens = Array.from({ length: 100 }, makeToken);
  for (const token of tokens) expect(token).toMatch(/^boo_[A-Za-z0-9_-]{43}$/);
  expect(new Set(tokens).size).toBe(100);
});

test("a token identifies its user, and the database holds only its hash", async () => {
  const { userId, tokenId, token } = await newCaller();
  expect(await findCaller(pool, token)).toMatchObject({ userId, tokenId });
  const rows = await pool`select to_jsonb(t)::text as row from api_tokens t`;
  for (const { row } of rows) expect(row).not.toContain(token.slice(4));
  const [stored] = await pool`select token_hash from api_tokens where id = ${tokenId}`;
  expect(stored?.token_hash).toEqual(hashSecret(token));
});

test("revoked, unknown and malformed tokens identify nobody", async () => {
  const { userId, token } = await newCaller();
  for (const other of [
    makeToken(),
    "",
    "boo_",
    token.slice(0, -1),
    `${token}x`,
    `${token}\n`,
    ` ${token}`,
    "\0",
    "'--",
  ]) {
    expect(await findCaller(pool, other)).toBeNull();
  }
  await revokeTokens(pool, userId);
  expect(await findCaller(pool, token)).toBeNull();
});

test("only the value after `Bearer`, in any case, is a token", () => {
  expect(bearerToken("Bearer abc")).toBe("abc");
  expect(bearerToken("bearer abc")).toBe("abc");
  for (const header of [
    undefined,
    "",
    "Bearer",
    "Bearer ",
    "abc",
    "Basic abc",
    "Bearer a b",
    "Bearer  a",
    "xBearer a",
  ]) {
    expect(bearerToken(header)).toBeNull();
  }
});
