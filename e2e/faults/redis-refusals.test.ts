import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { ServiceProcess } from "@boocode/local-stack";
import { connectRedis, type Redis, untilRedisReady } from "@boocode/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectAgreement } from "../harness/expect-agreement.ts";
import { readiness, untilReady } from "../harness/readiness.ts";
import { type System, startSystem, type User } from "../harness/start-system.ts";
import { watchTurns } from "../harness/turns.ts";

/** Redis answers, and refuses commands. The services connect as a Redis user that may not call INFO. */
let system: System;
let user: User;
let admin: Redis;

const allow = (...rules: string[]) =>
  admin.call("acl", "setuser", "services", "reset", "on", ">secret", "~*", "&*", "+@all", "-info", ...rules);

beforeAll(async () => {
  system = await startSystem({
    route: async ({ databaseUrl, redisUrl }) => {
      admin = connectRedis(redisUrl);
      await untilRedisReady(admin, 5_000);
      await allow();
      const limited = new URL(redisUrl);
      limited.username = "services";
      limited.password = "secret";
      return { databaseUrl, redisUrl: limited.href };
    },
  });
  user = await system.addUser("ada");
});
afterAll(async () => {
  await system.stop();
  admin.disconnect();
});

const services = () => [system.apis[0], system.workers[0], system.gateways[0]] as ServiceProcess[];

/** CPU time that a process has used so far, in seconds. */
function cpuSeconds({ pid }: ServiceProcess): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  // proc(5): utime and stime, in ticks of a hundredth of a second.
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function ask(): Promise<void> {
  await expectAgreement(system, await watchTurns(system, user, 2, { tokens: 5 }));
}

test("services whose Redis user may not call INFO are ready, and run turns", async () => {
  await untilReady(system);
  await ask();
});

test.each<[string, string, () => Promise<unknown>, () => Promise<unknown>]>([
  ["scripts", "permission_denied", () => allow("-@scripting"), () => allow()],
  ["channels", "permission_denied", () => allow("resetchannels"), () => allow()],
  ["keys", "permission_denied", () => allow("resetkeys", "~other:*"), () => allow()],
  [
    "writes, because it is full",
    "out_of_memory",
    () => admin.config("SET", "maxmemory", "1"),
    () => admin.config("SET", "maxmemory", "0"),
  ],
  [
    "writes, as a replica does",
    "read_only",
    () => admin.replicaof("127.0.0.1", "1"),
    () => admin.replicaof("NO", "ONE"),
  ],
])(
  "a Redis that refuses %s makes the worker and the API not ready and idle, and turns run",
  async (_what, reason, refuse, heal) => {
    const [api, worker] = services() as [ServiceProcess, ServiceProcess];
    await refuse();
    for (const service of [api, worker]) {
      const reasons = async () => (await readiness(service)).reasons?.redis;
      await expect.poll(reasons, { timeout: 15_000 }).toBe(reason);
    }
    const before = { lines: system.lines.length, cpu: cpuSeconds(worker) };
    await delay(4_000);
    // Idle: a tenth of a core at most, also on a slow machine, and no line for each refusal.
    expect(cpuSeconds(worker) - before.cpu).toBeLessThan(0.4);
    expect(system.lines.length - before.lines).toBeLessThan(10);
    await ask();
    await heal();
    await untilReady(system);
    await ask();
  },
);

test("a worker that Redis refuses everything stops on SIGTERM", async () => {
  await allow("-@all", "+auth");
  const worker = system.workers[0] as ServiceProcess;
  await expect.poll(async () => (await readiness(worker)).status, { timeout: 15_000 }).toBe("not_ready");
  expect(await worker.stop()).toBe(0);
  await allow();
  await system.restart(worker);
  await untilReady(system);
});
