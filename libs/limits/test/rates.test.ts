import { randomUUID } from "node:crypto";
import type { Server } from "@boocode/backing-services";
import { testRedis } from "@boocode/backing-services/testing";
import { connectRedis, type Redis, untilRedisReady } from "@boocode/runtime";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { createRates, type RateState } from "../src/rates.ts";

let server: Server;
let redis: Redis;
beforeAll(async () => {
  server = await testRedis();
  redis = connectRedis(server.url);
  await untilRedisReady(redis, 5_000);
});
const open: Redis[] = [];
afterEach(() => {
  for (const client of open.splice(0)) client.disconnect();
});
function connectNowhere(): Redis {
  const client = connectRedis("redis://127.0.0.1:1");
  open.push(client);
  return client;
}
afterAll(async () => {
  redis.disconnect();
  await server.stop();
});

const ratesAt = (client: Redis, now = () => performance.now()) =>
  createRates({ redis: client, keyOf: (subject, name) => `test:rate:{${subject}}:${name}`, now });
const POSTS = { name: "posts", perMinute: 3 };
const REQUESTS = { name: "requests", perMinute: 1_000 };

test("two processes together let as many through as the rate allows, and say when the next may come", async () => {
  const [user, processes] = [randomUUID(), [ratesAt(redis), ratesAt(redis)]];
  const all = await Promise.all(Array.from({ length: 10 }, (_, at) => processes[at % 2]?.take(user, [POSTS])));
  expect(all.filter((states) => states?.[0]?.isAllowed)).toHaveLength(3);
  const refused = all.find((states) => !states?.[0]?.isAllowed)?.[0];
  expect(refused).toMatchObject({ remaining: 0, isAllowed: false });
  expect(refused?.retryInMs).toBeGreaterThan(10_000);
  expect(refused?.retryInMs).toBeLessThanOrEqual(20_000);
});

test("a request takes from all of its rates or from none, in one command", async () => {
  const [user, rates] = [randomUUID(), ratesAt(redis)];
  for (let n = 0; n < 3; n++) await rates.take(user, [REQUESTS, POSTS]);
  const calls = async () => {
    const stats = await (redis as never as { info(of: string): Promise<string> }).info("commandstats");
    return [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce((sum, [, count]) => sum + Number(count), 0);
  };
  const before = await calls();
  const other = ratesAt(redis);
  const [requests, posts] = await other.take(user, [REQUESTS, POSTS]);
  expect([(await calls()) - before, posts?.isAllowed, requests?.isAllowed]).toEqual([1, false, true]);
  // What was refused, or has nothing left, is refused without a command until the time that Redis named.
  for (const each of [rates, other]) {
    expect((await each.take(user, [REQUESTS, POSTS]))[1]).toMatchObject({ isAllowed: false, remaining: 0 });
  }
  expect((await calls()) - before).toBe(1);
  const [next] = await rates.take(user, [REQUESTS]);
  expect(next?.remaining).toBe(requests?.remaining);
});

test("few may come at once of a rate that says so, and the whole of it within its minute", async () => {
  const wanted = { name: "posts", perMinute: 120, atOnce: 20 };
  for (const of of [ratesAt(redis), ratesAt(connectNowhere())]) {
    const user = randomUUID();
    const states = [];
    for (let n = 0; n < 25; n++) states.push((await of.take(user, [wanted]))[0] as RateState);
    // A slow run may get one more for each half of a second that it takes.
    expect(states.findIndex(({ isAllowed }) => !isAllowed)).toBeGreaterThanOrEqual(20);
    expect(states.slice(0, 20).map(({ remaining }) => remaining)[0]).toBe(19);
    expect(states.at(-1)?.retryInMs).toBeLessThanOrEqual(500);
  }
});

test("while Redis hangs, one request waits 50 ms and the others not at all, and each process counts for itself", async () => {
  const pid = Number(
    /process_id:(\d+)/.exec(await (redis as never as { info(of: string): Promise<string> }).info("server"))?.[1],
  );
  const [user, rates] = [randomUUID(), ratesAt(redis, () => 0)];
  process.kill(pid, "SIGSTOP");
  try {
    const startedAt = performance.now();
    const first = await rates.take(user, [POSTS]);
    expect(first[0]?.isAllowed).toBe(true);
    // The clock of this test stands still, so that Redis is not asked again. Were it, each of these would wait 50 ms.
    const others = [];
    const askedAt = performance.now();
    for (let n = 0; n < 200; n++) others.push((await rates.take(user, [POSTS]))[0]);
    expect(performance.now() - askedAt).toBeLessThan(200 * 25);
    expect(others.filter((state) => state?.isAllowed)).toHaveLength(2);
    expect(askedAt - startedAt).toBeGreaterThanOrEqual(49);
    // Far from the second after which the connection itself gives up.
    expect(askedAt - startedAt).toBeLessThan(900);
  } finally {
    process.kill(pid, "SIGCONT");
  }
});

test("when Redis dies, requests go on, those on their way too, and each process counts on from what Redis said", async () => {
  const dying = await testRedis();
  const clients = [connectRedis(dying.url), connectRedis(dying.url)];
  try {
    await Promise.all(clients.map((client) => untilRedisReady(client, 5_000)));
    const [user, processes] = [randomUUID(), clients.map((client) => ratesAt(client))];
    const take = (of: number) =>
      Promise.all(Array.from({ length: of }, () => Promise.all(processes.map((each) => each.take(user, [POSTS])))));
    const allowed = (takes: RateState[][][]) => takes.flat(2).filter(({ isAllowed }) => isAllowed).length;
    expect(allowed(await take(2))).toBe(3);
    // Stopped first, so that no answer is on its way.
    process.kill(dying.pid as number, "SIGSTOP");
    const startedAt = performance.now();
    const onTheirWay = take(2);
    process.kill(dying.pid as number, "SIGKILL");
    const meanwhile = [...(await onTheirWay), ...(await take(3))];
    expect(performance.now() - startedAt).toBeLessThan(900);
    // Each process knows of what it has asked for: one of three at least is gone.
    expect(allowed(meanwhile)).toBeLessThanOrEqual(2 * POSTS.perMinute - 3);
    expect(meanwhile).toHaveLength(5);
  } finally {
    for (const client of clients) client.disconnect();
    await dying.stop();
  }
});

test("without Redis each process counts for itself", async () => {
  const rates = ratesAt(connectNowhere());
  const user = randomUUID();
  const states = [];
  for (let n = 0; n < 5; n++) states.push((await rates.take(user, [POSTS]))[0]?.isAllowed);
  expect(states).toEqual([true, true, true, false, false]);
});
