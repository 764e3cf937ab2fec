import { Socket } from "node:net";
import { testDatabase } from "@boocode/backing-services/testing";
import { connectPostgres, type Postgres } from "@boocode/runtime";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Network, networkBefore } from "./network.ts";

/**
 * Node reports a reset connection in two steps, between which the client still accepts queries for it. Such a query must
 * fail: it must not hang, and must not receive an empty result or the result of another query.
 */
const LOST = /^(ECONNRESET|CONNECTION_CLOSED)$/;

let database: Awaited<ReturnType<typeof testDatabase>>;
let pool: Postgres;
let network: Network;

beforeAll(async () => {
  database = await testDatabase();
});
afterAll(() => database.drop());

describe.each(["disable", "require"])("with sslmode=%s", (sslmode) => {
  beforeEach(async () => {
    network = await networkBefore(database.url);
    pool = connectPostgres(`${network.url}?sslmode=${sslmode}`, { name: `lost ${sslmode}`, connections: 1 });
    await pool`select ${1}::int as one`;
  });
  afterEach(async () => {
    await pool.end({ timeout: 1 });
    await network.close();
  });

  test("a query on an idle connection that is being lost fails instead of returning no rows", async () => {
    const asked = whileItIsLost(() => Promise.allSettled([pool`select ${7}::int as n`]));
    network.reset();
    const next = pool`select ${8}::int as n`;
    expect(await asked()).toMatchObject([{ status: "rejected", reason: { code: expect.stringMatching(LOST) } }]);
    expect([...(await next)]).toEqual([{ n: 8 }]);
  });

  test("queries queued on a connection that is being lost fail, or get their own answers from the next one", async () => {
    const under = pool`select pg_sleep(20)`.catch(({ code }: { code: string }) => code);
    await untilBusy(`lost ${sslmode}`);
    const asked = whileItIsLost(() => Promise.allSettled([2, 3, 4].map((n) => pool`select ${n}::int as n`)));
    network.reset();
    expect(await under).toMatch(LOST);
    // Further queries, inside and outside of transactions, are answered on the next connection.
    const later = await Promise.all([
      pool.begin((sql) => sql`select ${8}::int as n`),
      ...[9, 10].map((n) => pool`select ${n}::int as n`),
    ]);
    expect(later.flat().map(({ n }) => n)).toEqual([8, 9, 10]);
    for (const [index, answer] of (await asked()).entries()) {
      if (answer.status === "fulfilled") expect([...answer.value]).toEqual([{ n: index + 2 }]);
      else expect(answer.reason.code).toMatch(LOST);
    }
  });
});

test("a FATAL error of the server fails its query and no later one", async () => {
  const pool = connectPostgres(database.url, { name: "ended by the server", connections: 1 });
  const under = pool`select pg_sleep(20)`.catch((error: unknown) => error);
  const watcher = connectPostgres(database.url, { name: "watcher", connections: 1 });
  await untilBusy("ended by the server");
  await watcher`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'ended by the server'`;
  expect(await under).toMatchObject({ code: "57P01", severity: "FATAL" });
  // The first query after the end of the connection: no other query can have received the old error before.
  const [first] = await pool`select ${1}::int as n`;
  expect(first).toEqual({ n: 1 });
  await Promise.all([pool.end(), watcher.end()]);
});

describe("after an error in the middle of a result", () => {
  const rowsAndThenAnError = (sql: Postgres) => sql`select 10 / (5 - i) as n from generate_series(1, 10) i`;

  test("every query of the same connection receives its own rows", async () => {
    const pool = connectPostgres(database.url, { name: "cut results", connections: 1 });
    // One after the other, and pipelined; prepared, and as plain text.
    for (const pipelined of [false, true]) {
      for (let round = 0; round < 5; round++) {
        const failing = rowsAndThenAnError(pool).catch(({ code }: { code: string }) => code);
        if (!pipelined) expect(await failing).toBe("22012");
        const answers = await Promise.all(
          Array.from({ length: 40 }, (_, n) =>
            n % 8 === 7
              ? rowsAndThenAnError(pool).catch(({ code }: { code: string }) => code)
              : pool`select ${n}::int as n union all select ${n + 1}::int order by n`.then((rows) => [...rows]),
          ),
        );
        for (const [n, answer] of answers.entries()) {
          expect(answer).toEqual(n % 8 === 7 ? "22012" : [{ n }, { n: n + 1 }]);
        }
        const simple = await pool.unsafe("select 1 as a; select 2 as b union all select 3");
        expect(simple.map((rows) => [...(rows as unknown as Iterable<unknown>)])).toEqual([
          [{ a: 1 }],
          [{ b: 2 }, { b: 3 }],
        ]);
        expect(await failing).toBe("22012");
      }
    }
    await pool.end();
  });
});

/** Runs a query between the two steps in which a lost connection is reported. @returns a function that returns the result */
function whileItIsLost<T>(ask: () => PromiseLike<T>): () => Promise<T> {
  const destroy = Socket.prototype._destroy;
  const answer = new Promise<T>((resolve, reject) => {
    Socket.prototype._destroy = function (this: Socket, error, done) {
      destroy.call(this, error, done);
      if (!error || network.owns(this)) return;
      Socket.prototype._destroy = destroy;
      // The error is emitted in the next tick, the close after it, when the event loop handles closed handles.
      process.nextTick(() => process.nextTick(() => ask().then(resolve, reject)));
    };
  });
  return () => answer;
}

async function untilBusy(name: string): Promise<void> {
  const watcher = connectPostgres(database.url, { name: "watcher", connections: 1 });
  const find = () => watcher`
    select from pg_stat_activity where application_name = ${name} and state = 'active' and query like '%pg_sleep%'`;
  while ((await find()).length === 0);
  await watcher.end();
}
