import { testDatabase } from "@boocode/backing-services/testing";
import { connectPostgres } from "@boocode/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Network, networkBefore } from "./network.ts";

let database: Awaited<ReturnType<typeof testDatabase>>;
let secure: Network;
let open: Network;

beforeAll(async () => {
  database = await testDatabase();
  secure = await networkBefore(database.url);
  open = await networkBefore(database.url, { offersTls: false });
});
afterAll(async () => {
  await Promise.all([secure.close(), open.close()]);
  await database.drop();
});

async function ask(network: Network, search: string): Promise<unknown> {
  const pool = connectPostgres(network.url + search, { name: "secured", connections: 1 });
  try {
    const [row] = await pool`select ${"there"}::text as answer`;
    return row?.answer;
  } catch (error) {
    return (error as { code?: string }).code ?? (error as Error).message;
  } finally {
    await pool.end({ timeout: 1 });
  }
}

test.each(["", "?sslmode=disable", "?sslmode=prefer", "?sslmode=require"])(
  "a server with a self-signed certificate is reached with %j",
  async (search) => expect(await ask(secure, search)).toBe("there"),
);

test.each(["?sslmode=verify-full", "?sslmode=verify-ca", "?ssl=true"])(
  "a self-signed certificate is refused with %j",
  async (search) => expect(await ask(secure, search)).toBe("DEPTH_ZERO_SELF_SIGNED_CERT"),
);

test("a server without TLS is used if that is allowed, and refused with a clear error if not", async () => {
  expect(await ask(open, "?sslmode=prefer")).toBe("there");
  expect(await ask(open, "?sslmode=require")).toMatch(/does not offer TLS/);
  expect(await ask(open, "?sslmode=verify-full")).toMatch(/does not offer TLS/);
});

test("a pool recovers from refused connections once the server answers", async () => {
  const gone = await networkBefore(database.url);
  const { url } = gone;
  await gone.close();
  for (const search of ["", "?sslmode=require"]) {
    const pool = connectPostgres(url + search, { name: "secured", connections: 1 });
    for (let i = 0; i < 3; i++) await expect(pool`select 1`).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await pool.end({ timeout: 1 });
  }
});
