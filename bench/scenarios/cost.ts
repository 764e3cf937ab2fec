import { setTimeout as sleep } from "node:timers/promises";
import { connectRedis, untilRedisReady } from "@boocode/runtime";
import type { Lab } from "../lab.ts";
import { subscribeAll } from "../load/subscribers.ts";
import { openAskers, type Turn } from "../load/turns.ts";
import type { BooCode } from "../peers/boocode.ts";
import { usageOf } from "../processes.ts";
import type { Program } from "../programs.ts";
import { fillSession } from "./fill-session.ts";
import { askAndTime } from "./history.ts";
import { warmUp } from "./warm-up.ts";

/*
 * What one turn, token, subscriber and kilobyte of history costs on a calm machine: round trips to Postgres and Redis, writing transactions,
 * Redis commands, CPU time of each process. One turn at a time, in a named session with one live subscriber. What the services do
 * on timers is measured first and subtracted. A token is the difference between long and short turns, and so on.
 */
const SERVICES = ["api", "worker", "gateway"] as const;

type Counts = Record<string, number>;

export async function cost(lab: Lab): Promise<void> {
  const { limits, base, smoke, turns } = lab.options;
  for (const name of ["boocode", ...(base ? ["base"] : [])]) {
    const measured = (boocode: BooCode, model: Program) => measureCosts(boocode, model, smoke, turns);
    const rows = await lab.withBooCode(name, measured, { counted: true });
    lab.record("cost", { peer: name, ...rows });
    lab.table(
      `cost: ${name} with limits ${limits}; round trips and CPU ms of api + worker + gateway, and CPU ms of the stores`,
      Object.entries(rows).map(([of, counts]) => show(of, counts)),
    );
  }
}

async function measureCosts(
  boocode: BooCode,
  model: Program,
  smoke: boolean,
  turns: number,
): Promise<Record<string, Counts>> {
  const [asker] = await openAskers(boocode, 1);
  if (!asker?.socket) throw new Error("no session");
  for (let warm = 0; warm < (smoke ? 1 : 5); warm++) await warmUp([asker]);
  const read = () => readCounts(boocode);
  const idle = await difference(read, 1, () => sleep(smoke ? 200 : 5_000));

  /** What each turn took beyond what timers take in the same time. */
  async function perTurn(count: number, ask: () => Promise<unknown>): Promise<Counts> {
    const taken = await difference(read, count, async () => {
      for (let turn = 0; turn < count; turn++) await ask();
    });
    return subtract(taken, idle, (taken.seconds as number) / (idle.seconds as number));
  }
  async function complete(asked: Promise<Turn>): Promise<void> {
    const { failure } = await asked;
    if (failure) throw new Error(`a turn failed: ${failure}`);
  }
  const [tokens, some] = [smoke ? 4 : 101, Math.ceil(turns / 2)];
  const short = await perTurn(turns, () => complete(asker.ask({ tokens: 1, gapMs: 0, ttftMs: 0 })));
  const askLong = () => complete(asker.ask({ tokens, gapMs: 10, ttftMs: 0 }));
  const long = await perTurn(some, askLong);
  const subscribers = await subscribeAll(asker.socket, smoke ? 5 : 200);
  const watched = await perTurn(some, askLong);
  for (const subscriber of subscribers) subscriber.close();

  const askIn = askAndTime(boocode, model);
  async function inSession(messages: number): Promise<{ counts: Counts; kilobytes: number }> {
    const id = await boocode.newSession(0);
    await fillSession(boocode.sql, id, boocode.users[0]?.id ?? "", messages);
    await askIn(id);
    let kilobytes = 0;
    const counts = await perTurn(some, async () => {
      kilobytes = (await askIn(id)).bytes / 1000;
    });
    return { counts, kilobytes };
  }
  const [little, much] = [await inSession(8), await inSession(smoke ? 40 : 60)];
  return {
    "a second without turns": subtract(idle, {}, 0, idle.seconds),
    "a turn of one token": short,
    "a token (at 100/s)": subtract(long, short, 1, tokens - 1),
    "a token for a further subscriber": subtract(watched, long, 1, tokens * subscribers.length),
    "a kilobyte of history": subtract(much.counts, little.counts, 1, much.kilobytes - little.kilobytes),
  };
}

function show(of: string, counts: Counts): Record<string, string> {
  const number = (value: number | undefined) =>
    Math.abs(value ?? 0) < 0.0005 ? "0" : Number((value ?? 0).toPrecision(2)).toString();
  const each = (what: string) => SERVICES.map((service) => number(counts[`${service} ${what}`])).join(" + ");
  return {
    of,
    "Postgres round trips": each("postgres"),
    "writing transactions": number(counts.transactions),
    "Redis round trips": each("redis"),
    "Redis commands": number(counts.commands),
    "CPU ms": each("ms"),
    "Postgres, Redis ms": `${number(counts["postgres ms"])}, ${number(counts["redis ms"])}`,
  };
}

async function readCounts({ trips, ...boocode }: BooCode): Promise<Counts> {
  const counts: Counts = { seconds: performance.now() / 1000 };
  for (const service of SERVICES) {
    counts[`${service} ms`] = usageOf([boocode[service].pid]).cpuS * 1000;
    counts[`${service} postgres`] = trips.get(service)?.postgres ?? 0;
    counts[`${service} redis`] = trips.get(service)?.redis ?? 0;
  }
  for (const [at, store] of ["postgres", "redis"].entries())
    counts[`${store} ms`] = usageOf(boocode.stores.slice(at, at + 1)).cpuS * 1000;
  const [row] = await boocode.sql<{ next: string }[]>`select pg_snapshot_xmax(pg_current_snapshot())::text as next`;
  counts.transactions = Number(row?.next);
  const redis = connectRedis(boocode.urls.REDIS_URL);
  await untilRedisReady(redis, 5_000);
  const stats = (await redis.info("commandstats")).matchAll(/cmdstat_(\w+).*?:calls=(\d+)/g);
  redis.disconnect();
  // Of this function's own connection. Commands that a script calls are counted as well.
  const own = /^(info|auth|hello|client|select)/;
  counts.commands = [...stats].reduce((sum, [, name = "", calls]) => sum + (own.test(name) ? 0 : Number(calls)), 0);
  return counts;
}

async function difference(read: () => Promise<Counts>, parts: number, act: () => Promise<unknown>): Promise<Counts> {
  const before = await read();
  await act();
  return subtract(await read(), before, 1, parts);
}

/** @returns (counts − times × others) ÷ parts, of each field */
function subtract(counts: Counts, others: Counts, times: number, parts = 1): Counts {
  return Object.fromEntries(
    Object.entries(counts).map(([name, value]) => [name, (value - (others[name] ?? 0) * times) / parts]),
  );
}
