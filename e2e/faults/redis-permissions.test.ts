import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { startRedisCluster } from "@boocode/backing-services/testing";
import type { SocketTicket } from "@boocode/contracts";
import type { ServiceProcess } from "@boocode/local-stack";
import { connectRedis, type Redis, untilRedisReady } from "@boocode/runtime";
import { afterAll, beforeAll, expect, test } from "vitest";
import { expectAgreement } from "../harness/expect-agreement.ts";
import { markedScript } from "../harness/marked-text.ts";
import { untilReady } from "../harness/readiness.ts";
import { type System, startSystem, type User } from "../harness/start-system.ts";
import { untilAllSpeak, watchTurns } from "../harness/turns.ts";
import { subscribed, watchSession } from "../harness/watch.ts";

/** The rules of the Redis user that operations.md gives. */
const text = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
const RULES = (/^ACL SETUSER boocode (on [\s\S]*?)\n```/m.exec(text)?.[1] ?? "").split(/[\s\\]+/).filter(Boolean);

/**
 * The services have exactly the documented permissions, at a Redis in cluster mode with a single node, which refuses every command
 * whose keys are in different slots.
 */
let system: System;
let user: User;
let admin: Redis;
let stop: () => Promise<void>;
let clusterUrl: string;

beforeAll(async () => {
  const cluster = await startRedisCluster(1, 0);
  stop = cluster.stop;
  const [node] = cluster.nodes;
  admin = connectRedis(node?.url ?? "");
  await untilRedisReady(admin, 5_000);
  await admin.call(
    "ACL",
    "SETUSER",
    "boocode",
    "reset",
    ...RULES.map((rule) => (rule.startsWith(">") ? ">secret" : rule)),
  );
  const port = new URL(node?.url ?? "").port;
  clusterUrl = `redis+cluster://boocode:secret@127.0.0.1:${port}`;
  system = await startSystem({
    route: async ({ databaseUrl }) => ({ databaseUrl, redisUrl: clusterUrl.replace("+cluster", "") }),
  });
  user = await system.addUser("ada");
});
afterAll(async () => {
  await system.stop();
  admin.disconnect();
  await stop();
});

/** Does everything for which the services use Redis. */
async function useEverything(): Promise<void> {
  await untilReady(system);
  // A job that an earlier version queued.
  await admin.hset("boocode:queue:turns:7", { data: JSON.stringify({ turn_id: randomUUID() }) });
  await admin.zadd("boocode:queue:turns:prioritized", 1, "7");
  // Wake-ups, frames, and, with a limit of the model server, slots.
  const worker = system.workers[0] as ServiceProcess;
  await expectAgreement(system, await watchTurns(system, user, 3, { tokens: 10 }));
  await worker.stop();
  const servers = [{ name: "limited", url: system.model.url, max_concurrent: 1 }];
  await system.restart(worker, { LLAMA_SWAP_URL: "", MODEL_SERVERS: JSON.stringify(servers) });
  await expectAgreement(system, await watchTurns(system, user, 3, { tokens: 10 }));
  // Cancel hints.
  const [turn] = await watchTurns(system, user, 1, { tokens: 400, interval_ms: 50 });
  if (!turn) throw new Error("no turn");
  await untilAllSpeak([turn]);
  await user.rest.cancel(turn.sessionId, turn.turnId);
  await turn.subscriber.untilEnded(turn.turnId);
  await turn.subscriber.close();
  // Names, and tickets.
  const project = await user.rest.project(system.env.PROJECT_ROOTS as string);
  const session = await user.rest.session(project.id, { model: "words" });
  await user.rest.post(session.id, markedScript("named", { tokens: 5 }));
  const name = async () =>
    (await user.rest.request<{ name: string | null }>("GET", `/api/sessions/${session.id}`)).body.name;
  await expect.poll(name, { timeout: 20_000 }).not.toBeNull();
  const { body } = await user.rest.request<SocketTicket>("POST", "/api/ws-tickets");
  const watch = await subscribed(
    watchSession(system.gateways[0]?.url as string, null, session.id, `?ticket=${body.ticket}`),
  );
  watch.socket.close();
  await expect.poll(() => admin.keys("boocode:queue:*"), { timeout: 20_000 }).toEqual([]);
  await system.restore();
  await untilReady(system);
}

/** What Redis refused the user, except INFO and CLIENT SETINFO, which ioredis can do without. */
async function refused(): Promise<string[]> {
  const entries = (await admin.call("ACL", "LOG", "100")) as string[][];
  const objects = entries.map((entry) => String(entry[entry.indexOf("object") + 1]));
  return [...new Set(objects)].filter((object) => !/^(info|client\|setinfo)$/i.test(object));
}

test("the documented permissions suffice at a cluster of one node that REDIS_URL names as a single server", async () => {
  await useEverything();
  expect(await refused()).toEqual([]);
});

test("the documented permissions suffice at a cluster", async () => {
  for (const service of [...system.apis, ...system.workers, ...system.gateways]) {
    await service.stop();
    await system.restart(service, { REDIS_URL: clusterUrl });
  }
  await useEverything();
  expect(await refused()).toEqual([]);
});
