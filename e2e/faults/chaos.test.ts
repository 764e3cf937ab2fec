import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { brokenInvariants, subscribersAgree, untilAllEnded } from "../harness/invariants.ts";
import { leakedKeys, leakedResources } from "../harness/leaks.ts";
import { proxyBefore, through } from "../harness/network/tcp-proxy.ts";
import { percentiles } from "../harness/percentiles.ts";
import { createRandom, type Random } from "../harness/random.ts";
import { type System, startSystem } from "../harness/start-system.ts";
import { createFaults, type Networks } from "./chaos/faults.ts";
import { createUsers } from "./chaos/users.ts";

/**
 * Injects every kind of fault at random times, chosen from a seed: the same seed makes the same choices.
 * `npm run chaos -- --seed N --minutes M` runs longer.
 */
const seed = Number(process.env.CHAOS_SEED ?? Math.floor(Math.random() * 1e9));
const durationMs = Number(process.env.CHAOS_MINUTES ?? 0.5) * 60_000;

const networks = {} as Networks;
let system: System;

beforeAll(async () => {
  system = await startSystem({
    apis: 2,
    workers: 3,
    gateways: 2,
    privatePostgres: true,
    env: {
      USER_LIMITS: "off",
      RECONNECT_SPREAD_MS: "500",
      MODEL_FIRST_BYTE_TIMEOUT_MS: "4000",
      MODEL_IDLE_TIMEOUT_MS: "4000",
      // A server that sends no headers is asked again for this long, and a session may have several such turns in line.
      MODEL_RETRY_BUDGET_MS: "8000",
    },
    route: async ({ databaseUrl, redisUrl }) => {
      networks.database = await proxyBefore(databaseUrl);
      networks.redis = await proxyBefore(redisUrl);
      return {
        databaseUrl: through(databaseUrl, networks.database),
        redisUrl: through(redisUrl, networks.redis),
      };
    },
  });
});
afterAll(async () => {
  await system.stop();
  await Promise.all([networks.database.close(), networks.redis.close()]);
});

test(`a mixed run with seed ${seed} breaks no invariant and leaves nothing behind`, {
  timeout: durationMs + 300_000,
}, async () => {
  // Each actor has its own generator, so that its choices do not depend on the speed of the others.
  const [havocs, ...askers] = [0, 1, 2, 3, 4].map((actor) => createRandom(seed + actor * 7_919)) as [
    Random,
    ...Random[],
  ];
  const users = await createUsers(system, await system.addUser("ada"));
  const faults = createFaults(system, networks, users, havocs);
  const until = performance.now() + durationMs;
  const havoc = async () => {
    while (performance.now() < until) {
      await delay(200 + havocs.below(600));
      await faults.next();
    }
    faults.calm();
  };
  await Promise.all([users.askUntil(until, askers), havoc()]);
  await untilAllEnded(system, 120_000);

  const broken = [
    ...users.broken,
    ...(await subscribersAgree(system, users.subscribers, 30_000)),
    ...(await brokenInvariants(system)),
    ...(await needlessFailures()),
  ];
  const known = await system.sql<{ id: string }[]>`select id from turns`;
  const lost = users.acknowledged.filter((id) => !known.some((turn) => turn.id === id));
  const ends = await system.sql<{ end: string; count: number }[]>`
    select coalesce(error_code, status) as end, count(*)::int from turns group by 1 order by 2 desc`;
  console.log(
    `seed ${seed}: ${known.length} turns, ${faults.count()} faults (${faults.summary()}), ` +
      `${broken.length} broken invariants; silence ${percentiles(users.subscribers.map((one) => one.longestSilenceMs()))}; ` +
      `ends: ${ends.map(({ end, count }) => `${count} × ${end}`).join(", ")}`,
  );
  for (const what of broken) console.log(what);
  expect(lost).toEqual([]);
  expect(broken).toEqual([]);
  await Promise.all(users.subscribers.map((subscriber) => subscriber.close()));
  expect(await leakedResources(system)).toEqual([]);
  expect(await leakedKeys(system)).toEqual([]);
});

/** T13: a turn fails only if its question asked the model to fail. */
async function needlessFailures(): Promise<string[]> {
  const failed = await system.sql<{ id: string; error_code: string; question: string }[]>`
    select t.id, t.error_code, m.content as question from turns t join messages m on m.turn_id = t.id and m.role = 'user'
    where t.status = 'failed' and m.content !~ 'error_frame|stall|_after_tokens|"status"'`;
  return failed.map((turn) => `T13: ${JSON.stringify(turn)}`);
}
