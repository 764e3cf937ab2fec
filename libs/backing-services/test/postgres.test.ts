import { existsSync } from "node:fs";
import { chmod, rm } from "node:fs/promises";
import { dirname } from "node:path";
import { FolderInUseError, type PostgresOptions, type Server, startPostgres } from "@boocode/backing-services";
import postgres from "postgres";
import { expect, onTestFinished, test } from "vitest";
import { inspectProcess } from "../src/process/inspect-process.ts";
import { temporaryFolder } from "./temporary-folder.ts";

const order = ["installed", "embedded"] as const;

test("a throw-away server works, and its stop leaves no process and no file", async () => {
  const server = await start({ keep: false });
  expect(await ask(server, (sql) => sql`select 1 as one`)).toEqual([{ one: 1 }]);
  const folder = dataOf(server);
  expect(existsSync(folder)).toBe(true);
  await server.stop();
  expect(inspectProcess(server.pid!)).toBeUndefined();
  expect(existsSync(dirname(folder))).toBe(false);
});

test("kept data survives a stop and start, under the same URL", async () => {
  const dataDir = await openFolder();
  const first = await start({ dataDir, keep: true });
  await ask(first, (sql) => sql`create table note as select 'kept' as text`);
  await first.stop();
  const second = await start({ dataDir, keep: true });
  expect(second.url).toBe(first.url);
  expect(await ask(second, (sql) => sql`select text from note`)).toEqual([{ text: "kept" }]);
  await second.stop();
});

test("a killed server restarts on the same port with every committed row", async () => {
  const server = await start({ keep: false, durability: "full" });
  await ask(server, (sql) => sql`create table note as select generate_series(1, 1000) as id`);
  const before = server.pid;
  await server.kill("SIGKILL");
  expect(inspectProcess(before!)).toBeUndefined();
  await expect(ask(server, (sql) => sql`select 1`)).rejects.toThrow();
  await server.restart();
  expect(server.pid).not.toBe(before);
  expect(await ask(server, (sql) => sql`select count(*)::int as rows from note`)).toEqual([{ rows: 1000 }]);
  await server.stop();
});

test("a frozen server stops answering, and continues when it is thawed", async () => {
  const server = await start({ keep: false });
  const sql = postgres(server.url, { max: 1, onnotice: () => {} });
  await sql`select 1`;
  await server.kill("SIGSTOP");
  let answered = false;
  const answer = sql`select 1`.then(() => {
    answered = true;
  });
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(answered).toBe(false);
  await server.kill("SIGCONT");
  await answer;
  await sql.end();
  await server.kill("SIGSTOP");
  await server.stop();
  expect(inspectProcess(server.pid!)).toBeUndefined();
});

test("the binaries from npm run without any install script", async () => {
  const server = await start({ keep: false, order: ["embedded"] });
  const [row] = await ask(server, (sql) => sql`show server_version`);
  expect(row!.server_version).toMatch(/^18\./);
  await server.stop();
});

test("if the server's user cannot enter the data folder, the data is kept in a folder that it can enter", async () => {
  const closed = await temporaryFolder();
  await chmod(closed, 0o700);
  const options = { dataDir: `${closed}/.data`, keep: true, durability: "test" } as const;
  const first = await start(options);
  const elsewhere = dirname(dataOf(first));
  onTestFinished(() => rm(elsewhere, { recursive: true, force: true }));
  if (process.getuid?.() === 0) expect(elsewhere).toMatch(/^\/var\/tmp\/boocode-/);
  await first.stop();
  const second = await start(options);
  expect(dataOf(second)).toBe(dataOf(first));
  await second.stop();
});

test("two concurrent servers share nothing, and a data folder serves one start at a time", async () => {
  const [one, two] = await Promise.all([start({ keep: false }), start({ keep: false })]);
  expect(new URL(one.url).port).not.toBe(new URL(two.url).port);
  await Promise.all([one.stop(), two.stop()]);
  const dataDir = await openFolder();
  const kept = await start({ dataDir, keep: true, durability: "test" });
  await expect(start({ dataDir, keep: true })).rejects.toThrow(FolderInUseError);
  await kept.stop();
});

test("the server that DATABASE_URL names is used and never stopped", async () => {
  const server = await start({ keep: false });
  const before = process.env.DATABASE_URL;
  process.env.DATABASE_URL = server.url;
  onTestFinished(() => {
    if (before === undefined) delete process.env.DATABASE_URL;
    else process.env.DATABASE_URL = before;
  });
  const given = await startPostgres({ keep: true });
  expect(given.url).toBe(server.url);
  await given.stop();
  await expect(given.kill("SIGKILL")).rejects.toThrow(/not ours/);
  expect(await ask(server, (sql) => sql`select 1 as one`)).toEqual([{ one: 1 }]);
  await server.stop();
});

test("without any source, the error says what was tried and what to do", async () => {
  const nothing = startPostgres({ keep: false, order: [] });
  await expect(nothing).rejects.toThrow(/DATABASE_URL[\s\S]*apt-get install postgresql/);
});

function start(options: PostgresOptions): Promise<Server> {
  return startPostgres({ order, ...options });
}

async function openFolder(): Promise<string> {
  const folder = await temporaryFolder();
  await chmod(folder, 0o755);
  return folder;
}

function dataOf(server: Server): string {
  return /data in (\S+?)(,|$)/.exec(server.how)![1]!;
}

async function ask<T>(server: Server, query: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(server.url, { max: 1, connect_timeout: 2, onnotice: () => {} });
  try {
    const rows = await query(sql);
    return (Array.isArray(rows) ? rows.map((row) => ({ ...row })) : rows) as T;
  } finally {
    await sql.end({ timeout: 1 });
  }
}
