import { chmod, chown, copyFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Server, startPostgres } from "@boocode/backing-services";
import { connectPostgres, untilPostgresReady } from "@boocode/runtime";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { type Network, networkBefore, tlsFile } from "./network.ts";

/** A server with TLS of its own, unlike the one that all tests share. Its certificate is signed with SHA-384. */
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

test("a man in the middle with another certificate is refused; without channel_binding it goes unnoticed", async () => {
  expect(await ask(between.url, "sslmode=require")).toBe(false);
  expect(await ask(between.url, "sslmode=require&channel_binding=require")).toMatch(/asks for channel_binding/);
});

test("of two servers, the writable one is used, and the other after they have swapped roles", async () => {
  const name = `boocode_both_${process.pid}`;
  const servers = [inject("postgresUrl"), server.url].map((url) => {
    const admin = connectPostgres(url, { name: "admin", connections: 1 });
    const setReadOnly = async (state: string) => {
      await admin.unsafe(`alter database ${name} set default_transaction_read_only = ${state}`);
      await admin`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'choosing'`;
    };
    return { admin, setReadOnly, place: new URL(url).host };
  });
  const [first, second] = servers as [(typeof servers)[0], (typeof servers)[0]];
  for (const { admin } of servers) {
    await admin.unsafe(`create role ${name} login password 'pw'`);
    await admin.unsafe(`create database ${name} owner ${name}`);
  }
  await first.setReadOnly("on");
  const text = `postgres://${name}:pw@${first.place},${second.place}/${name}?target_session_attrs=read-write`;
  const pool = connectPostgres(text, { name: "choosing", connections: 2 });
  await untilPostgresReady(pool, 5_000);
  const port = async () => {
    const [row] = await pool`select inet_server_port() as port`;
    return row?.port;
  };
  const portOf = ({ place }: { place: string }) => Number(place.split(":")[1]);
  expect(await port()).toBe(portOf(second));
  await first.setReadOnly("off");
  await second.setReadOnly("on");
  await expect.poll(() => port().catch(() => 0)).toBe(portOf(first));
  await pool.end();
  for (const { admin } of servers) {
    await admin.unsafe(`drop database ${name} with (force)`);
    await admin.unsafe(`drop role ${name}`);
    await admin.end();
  }
});
