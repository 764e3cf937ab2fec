import { Socket } from "node:net";
import { testDatabase } from "@boocode/backing-services/testing";
import { connectPostgres, type Postgres } from "@boocode/runtime";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Network, networkBefore } from "./network.ts";

/*
 * A connection that is reset is told of in two steps, with time between them in which the client still takes queries for it. What
 * it takes then must fail: never wait for ever, nor be answered with nothing or with what another query asked for.
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

  test("a query on an idle connection that is just being lost fails, and is not answered with nothing", async () => {
    const asked = whileItIsLost(() => Promise.allSettled([pool`select ${7}::int as n`]));
    network.reset();
    const next = pool`select ${8}::int as n`;
    expect(await asked()).toMatchObject([{ status: "rejected", reason: { code: expect.stringMatching(LOST) } }]);
    expect([...(await next)]).toEqual([{ n: 8 }]);
  });

  test("queries behind one whose connection is just being lost fail, or get their own answers from the next", async () => {
    const under = pool`select pg_sleep(20)`.catch(({ code }: { code: string }) => code);
    await untilBusy(`lost ${sslmode}`);
    const asked = whileItIsLost(() => Promise.allSettled([2, 3, 4].map((n) => pool`select ${n}::int as n`)));
    network.reset();
    expect(await under).toMatch(LOST);
    // Others come when the connection is back, in transactions and without.
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

test("the server's last words end the query that they came to, and none after it", async () => {
  const pool = connectPostgres(database.url, { name: "ended by the server", connections: 1 });
  const under = pool`select pg_sleep(20)`.catch((error: unknown) => error);
  const watcher = connectPostgres(database.url, { name: "watcher", connections: 1 });
  await untilBusy("ended by the server");
  await watcher`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'ended by the server'`;
  expect(await under).toMatchObject({ code: "57P01", severity: "FATAL" });
  // The first one after it, once the connection has surely ended, and without another that would have met the old error.
  const [first] = await pool`select ${1}::int as n`;
  expect(first).toEqual({ n: 1 });
  await Promise.all([pool.end(), watcher.end()]);
});

/** Asks between the two steps. @returns what gives the answer */
function whileItIsLost<T>(ask: () => PromiseLike<T>): () => Promise<T> {
  const destroy = Socket.prototype._destroy;
  const answer = new Promise<T>((resolve, reject) => {
    Socket.prototype._destroy = function (this: Socket, error, done) {
      destroy.call(this, error, done);
      if (!error || network.owns(this)) return;
      Socket.prototype._destroy = destroy;
      // The error is told in the next tick, the end of the socket after it, when the event loop comes to closed handles.
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
