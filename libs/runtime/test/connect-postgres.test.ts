import { testDatabase } from "@boocode/backing-services/testing";
import { connectPostgres, type Postgres, untilPostgresReady } from "@boocode/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { networkBefore } from "./network.ts";

let url: string;
let pool: Postgres;
let watcher: Postgres;
let drop: () => Promise<void>;

beforeAll(async () => {
  const database = await testDatabase();
  drop = database.drop;
  url = database.ownerUrl;
  pool = connectPostgres(url, { name: "tested", connections: 3 });
  watcher = connectPostgres(url, { name: "watcher", connections: 1 });
});
afterAll(async () => {
  await Promise.all([pool.end({ timeout: 2 }), watcher.end({ timeout: 2 })]);
  await drop();
});

/** Resolves with the pid of the pool's first backend in this state. */
async function backend(state: string): Promise<number> {
  for (;;) {
    const [row] = await watcher<{ pid: number }[]>`
      select pid from pg_stat_activity where application_name = 'tested' and state = ${state}
        and query like '%pg_sleep%' limit 1`;
    if (row) return row.pid;
  }
}

test("rows match the contracts: bigint as number, timestamps as ISO 8601 in UTC with milliseconds", async () => {
  const [row] = await pool`
    select 9007199254740991::bigint as big, '2026-01-02 03:04:05.678+02'::timestamptz as time, null::timestamptz as none`;
  expect(row).toEqual({ big: 9_007_199_254_740_991, time: "2026-01-02T01:04:05.678Z", none: null });
});

test("a connection has its service's name and time-outs for statements, locks and idle transactions", async () => {
  const [row] = await pool`
    select current_setting('application_name') as name, current_setting('statement_timeout') as statement,
      current_setting('lock_timeout') as lock, current_setting('idle_in_transaction_session_timeout') as idle`;
  expect(row).toEqual({ name: "tested", statement: "5s", lock: "4s", idle: "5s" });
});

test("a transaction commits when it returns, and rolls back when it throws", async () => {
  await pool`create table notes (text text unique)`;
  expect(await pool.begin(async (sql) => sql`insert into notes values ('kept') returning text`)).toHaveLength(1);
  const failing = pool.begin(async (sql) => {
    await sql`insert into notes values ('lost')`;
    throw new Error("changed my mind");
  });
  await expect(failing).rejects.toThrow("changed my mind");
  expect([...(await pool`select text from notes`)]).toEqual([{ text: "kept" }]);
});

test("a transaction with a failed statement is not reported as committed, even when its code continues", async () => {
  const deaf = pool.begin(async (sql) => {
    await sql`insert into notes values ('half')`;
    await sql`insert into notes values ('kept')`.catch(() => {});
    return "fine";
  });
  await expect(deaf).rejects.toMatchObject({ code: "23505" });
  expect([...(await pool`select text from notes`)]).toEqual([{ text: "kept" }]);
});

test("a backend that dies in a transaction fails only that transaction", async () => {
  const uncaught: unknown[] = [];
  const record = (error: unknown) => uncaught.push(error);
  process.on("uncaughtException", record);
  for (let round = 0; round < 4; round++) {
    const broken = pool.begin(async (sql) => {
      await sql`select 1`;
      await sql`select pg_sleep(20)`;
    });
    const outcome = broken.then(
      () => "committed",
      (error: { code: string }) => error.code,
    );
    await watcher`select pg_terminate_backend(${await backend("active")})`;
    expect(["57P01", "CONNECTION_CLOSED", "ECONNRESET"]).toContain(await outcome);
    const answers = Array.from({ length: 6 }, (_, i) => pool.begin((sql) => sql`select ${i}::int as i`));
    expect((await Promise.all(answers)).map(([row]) => row?.i)).toEqual([0, 1, 2, 3, 4, 5]);
  }
  process.off("uncaughtException", record);
  expect(uncaught).toEqual([]);
});

test("a transaction has its connection to itself however long the pipeline is, and leaves nothing open", async () => {
  const single = connectPostgres(url, { name: "single", connections: 1 });
  await single`select ${1}::int`;
  // Prepared statements are pipelined, and a transaction may come at any position among them.
  for (const ahead of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 15, 16, 31, 32, 63, 64, 98, 99, 100, 101, 102]) {
    const work: Promise<unknown>[] = Array.from({ length: ahead }, (_, i) => single`select ${i}::int`.execute());
    const transaction = single.begin(async (sql) => {
      const [first] = await sql`select txid_current() as id`;
      const [second] = await sql`select txid_current() as id`;
      return first?.id === second?.id;
    });
    work.push(single`select ${1}::int`.execute());
    expect(await transaction).toBe(true);
    await Promise.all(work);
  }
  const [one] = await single`select txid_current() as id`;
  const [two] = await single`select txid_current() as id`;
  expect(two?.id).not.toBe(one?.id);
  await single.end({ timeout: 2 });
});

test("a server that is starting is waited for; one that rejects the password is not", async () => {
  const network = await networkBefore(url, { refuses: 3 });
  const early = connectPostgres(network.url, { name: "early", connections: 1 });
  await untilPostgresReady(early, 20_000);
  expect([...(await early`select 1 as one`)]).toEqual([{ one: 1 }]);
  await early.end({ timeout: 2 });
  await network.close();

  const stranger = new URL(url);
  stranger.password = "wrong";
  const refused = connectPostgres(stranger.href, { name: "stranger", connections: 1 });
  await expect(untilPostgresReady(refused, 600_000)).rejects.toMatchObject({ code: "28P01" });
  await refused.end({ timeout: 2 });

  const away = connectPostgres(network.url, { name: "away", connections: 1 });
  await expect(untilPostgresReady(away, 300)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  await away.end({ timeout: 2 });
});

test("connections that turned out to be read-only are renewed, also after a transaction", async () => {
  const other = await testDatabase();
  const changing = connectPostgres(url, { name: "changing", connections: 1 });
  const readers = connectPostgres(other.ownerUrl, { name: "renewed", connections: 2 });
  const name = new URL(other.ownerUrl).pathname.slice(1);
  const setReadOnly = (state: string) =>
    changing.unsafe(`alter database "${name}" set default_transaction_read_only = ${state}`);
  await readers`create table notes (text text)`;
  await setReadOnly("on");
  await changing`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'renewed'`;
  const write = () => readers`insert into notes values ('x')`;
  await expect
    .poll(() =>
      write().then(
        () => "",
        ({ code }: { code: string }) => code,
      ),
    )
    .toBe("25006");
  const inTransaction = () => readers.begin((sql) => sql`insert into notes values ('x')`);
  // Some find a connection that is just being renewed.
  await expect
    .poll(() =>
      inTransaction().then(
        () => "",
        ({ code }: { code: string }) => code,
      ),
    )
    .toBe("25006");
  expect(
    (await Promise.allSettled(Array.from({ length: 20 }, write))).every(({ status }) => status === "rejected"),
  ).toBe(true);
  await setReadOnly("off");
  // Each of the two connections fails once more at most.
  await expect
    .poll(() =>
      write().then(
        () => "written",
        ({ code }: { code: string }) => code,
      ),
    )
    .toBe("written");
  await Promise.allSettled([write(), write()]);
  expect(
    (await Promise.allSettled(Array.from({ length: 20 }, write))).every(({ status }) => status === "fulfilled"),
  ).toBe(true);
  await Promise.all([readers.end({ timeout: 2 }), changing.end({ timeout: 2 })]);
  await other.drop();
});

test("a transaction that a deadlock or a serialization failure rolled back is run again", async () => {
  await pool`create table counters (id int primary key, n int not null)`;
  await pool`insert into counters values (1, 0), (2, 0)`;
  const add = (first: number, isolation: string) =>
    pool.begin(isolation, async (sql) => {
      await sql`update counters set n = n + 1 where id = ${first}`;
      await sql`select pg_sleep(0.05)`;
      await sql`update counters set n = n + 1 where id = ${3 - first}`;
    });
  for (const isolation of ["", "isolation level serializable"]) {
    await Promise.all([add(1, isolation), add(2, isolation), add(1, isolation)]);
  }
  expect([...(await pool`select n from counters order by id`)]).toEqual([{ n: 6 }, { n: 6 }]);
});

test("defaults of the database change neither the form of timestamps nor the isolation of transactions", async () => {
  const other = await testDatabase();
  const name = new URL(other.ownerUrl).pathname.slice(1);
  for (const setting of [
    "datestyle = 'German'",
    "timezone = 'Asia/Kolkata'",
    "default_transaction_isolation = 'serializable'",
    "intervalstyle = 'iso_8601'",
  ])
    await watcher.unsafe(`alter database "${name}" set ${setting}`);
  const changed = connectPostgres(other.ownerUrl, { name: "changed", connections: 1 });
  const [row] = await changed`
    select '2026-01-02 03:04:05.678+02'::timestamptz as time, current_setting('transaction_isolation') as isolation`;
  expect(row).toEqual({ time: "2026-01-02T01:04:05.678Z", isolation: "read committed" });
  await changed.end({ timeout: 2 });
  await other.drop();
});
