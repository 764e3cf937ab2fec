import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { testDatabase } from "@boocode/backing-services/testing";
import { connectPostgres } from "@boocode/runtime";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Network, networkBefore, tlsFile } from "./network.ts";

let database: Awaited<ReturnType<typeof testDatabase>>;
let secure: Network;
let open: Network;
let signed: Network;

beforeAll(async () => {
  database = await testDatabase();
  secure = await networkBefore(database.url);
  open = await networkBefore(database.url, { offersTls: false });
  signed = await networkBefore(database.url, { signed: true });
});
afterAll(async () => {
  await Promise.all([secure.close(), open.close(), signed.close()]);
  await database.drop();
});

async function ask(url: string): Promise<unknown> {
  const pool = connectPostgres(url, { name: "secured", connections: 1 });
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
  async (search) => expect(await ask(secure.url + search)).toBe("there"),
);

test.each(["?sslmode=verify-full", "?sslmode=verify-ca", "?ssl=true"])(
  "a self-signed certificate is refused with %j",
  async (search) => expect(await ask(secure.url + search)).toBe("DEPTH_ZERO_SELF_SIGNED_CERT"),
);

test("a server without TLS is used if that is allowed, and refused with a clear error if not", async () => {
  expect(await ask(`${open.url}?sslmode=prefer`)).toBe("there");
  expect(await ask(`${open.url}?sslmode=require`)).toMatch(/does not offer TLS/);
  expect(await ask(`${open.url}?sslmode=verify-full`)).toMatch(/does not offer TLS/);
});

describe("a server with a private certificate authority that demands a certificate of the client", () => {
  const own = `sslcert=${tlsFile("client")}&sslkey=${tlsFile("client-key")}`;
  const root = `sslrootcert=${encodeURIComponent(tlsFile("ca"))}`;
  const at = (host: string, query: string) => {
    const url = new URL(signed.url);
    url.hostname = host;
    return `${url.href}?${query}`;
  };

  test.each([
    "sslmode=verify-full",
    "sslmode=verify-ca",
    "sslmode=require",
    "sslmode=verify-full&sslnegotiation=direct",
  ])("is reached with %s", async (mode) => expect(await ask(at("localhost", `${mode}&${root}&${own}`))).toBe("there"));

  test("is checked for its host's name with verify-full, and only for its authority with verify-ca", async () => {
    expect(await ask(at("127.0.0.1", `sslmode=verify-full&${root}&${own}`))).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
    expect(await ask(at("127.0.0.1", `sslmode=verify-ca&${root}&${own}`))).toBe("there");
    expect(await ask(at("localhost", `hostaddr=127.0.0.1&sslmode=verify-full&${root}&${own}`))).toBe("there");
    // Neither server has a certificate of a public authority.
    for (const search of ["sslmode=verify-full", "sslrootcert=system", "sslaccept=strict"])
      expect(await ask(at("localhost", `${search}&${own}`))).toBe("SELF_SIGNED_CERT_IN_CHAIN");
    for (const mode of ["require", "verify-ca", "verify-full"])
      expect(await ask(`${secure.url}?sslmode=${mode}&${root}`)).toBe("DEPTH_ZERO_SELF_SIGNED_CERT");
  });

  test("refuses a client without a certificate; a file that cannot be read is named", async () => {
    expect(await ask(at("localhost", `sslmode=verify-full&${root}`))).toMatch(
      /^(ECONNRESET|ERR_SSL_|EPIPE|CONNECTION_)/,
    );
    expect(await ask(at("localhost", "sslrootcert=/no/ca.pem"))).toMatch(/sslrootcert in DATABASE_URL.*\/no\/ca\.pem/);
  });
});

test("channel_binding=require is refused by a server that authenticates without it", async () => {
  expect(await ask(`${secure.url}?sslmode=require&channel_binding=require`)).toMatch(/asks for channel_binding/);
  expect(await ask(`${secure.url}?sslmode=require&channel_binding=prefer`)).toBe("there");
});

test("plain text after the server's reply to SSLRequest is not read", async () => {
  const server = createServer((socket) => socket.once("data", () => socket.write("SX"))).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  expect(await ask(`postgres://u:p@127.0.0.1:${port}/d?sslmode=require`)).toBe("EPROTO");
  server.close();
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
