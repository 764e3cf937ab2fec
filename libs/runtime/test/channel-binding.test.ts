import { chmod, chown, copyFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Server, startPostgres } from "@boocode/backing-services";
import { connectPostgres } from "@boocode/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Network, networkBefore, tlsFile } from "./network.ts";

/** A server that ends TLS itself: the binding is to its certificate, whose signature uses SHA-384. */
let server: Server;
let between: Network;

beforeAll(async () => {
  server = await startPostgres({ keep: false, order: ["installed", "embedded"] });
  const admin = connectPostgres(server.url, { name: "admin", connections: 1 });
  const [row] = await admin`select current_setting('data_directory') as folder`;
  const { uid, gid } = await stat(row?.folder);
  for (const [name, file] of [
    ["localhost", "server.crt"],
    ["localhost-key", "server.key"],
  ] as const) {
    const path = join(row?.folder, file);
    await copyFile(tlsFile(name), path);
    await chmod(path, 0o600);
    await chown(path, uid, gid);
  }
  await admin`alter system set ssl = on`;
  await admin`select pg_reload_conf()`;
  await admin`create role spoken password 'smörgås, of course!' login`;
  await admin.end();
  between = await networkBefore(server.url);
});
afterAll(async () => {
  await between.close();
  await server.stop();
});

async function ask(url: string, query: string): Promise<unknown> {
  const pool = connectPostgres(`${url}?${query}`, { name: "bound", connections: 1 });
  try {
    const [row] = await pool`select ssl from pg_stat_ssl where pid = pg_backend_pid()`;
    return row?.ssl;
  } catch (error) {
    return (error as Error).message;
  } finally {
    await pool.end({ timeout: 1 });
  }
}

test("a login with channel_binding=require is bound to the server's certificate", async () => {
  // The reload takes a moment.
  await expect.poll(() => ask(server.url, "sslmode=require&channel_binding=require")).toBe(true);
  const root = encodeURIComponent(tlsFile("ca"));
  const local = new URL(server.url);
  local.hostname = "localhost";
  expect(await ask(local.href, `sslmode=verify-full&sslrootcert=${root}&channel_binding=require`)).toBe(true);
  const other = new URL(server.url);
  Object.assign(other, { username: "spoken", password: encodeURIComponent("smörgås, of course!") });
  expect(await ask(other.href, "sslmode=require&channel_binding=require")).toBe(true);
});

test("a wrong password is refused by the server", async () => {
  const wrong = new URL(server.url);
  wrong.password = "wrong";
  expect(await ask(wrong.href, "sslmode=require&channel_binding=require")).toMatch(/password authentication failed/);
});

test("somebody between, with a certificate of their own, is refused; without channel_binding nobody would notice", async () => {
  expect(await ask(between.url, "sslmode=require")).toBe(false);
  expect(await ask(between.url, "sslmode=require&channel_binding=require")).toMatch(/asks for channel_binding/);
});
