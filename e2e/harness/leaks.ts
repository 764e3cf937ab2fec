import { setTimeout as delay } from "node:timers/promises";
import type { ServiceProcess } from "@boocode/local-stack";
import { connectRedis, untilRedisReady } from "@boocode/runtime";
import type { System } from "./start-system.ts";

/** What keeps a process's event loop alive, by kind, as Node counts it. */
async function activeResources(service: ServiceProcess): Promise<Map<string, number>> {
  const text = await (await fetch(`${service.url}/metrics`, { headers: { connection: "close" } })).text();
  const found = text.matchAll(/^nodejs_active_resources\{type="(\w+)",[^}]*\} (\d+)$/gm);
  return new Map([...found].map(([, type, count]) => [type as string, Number(count)]));
}

/** Kinds that come and go with what the process does at this very moment, such as answering the question for them. */
const PASSING = new Set(["Immediate", "TickObject", "FSReqCallback", "GetAddrInfoReqWrap", "TCPConnectWrap"]);

/** A pool's connections stay, each with its socket and its timer; a fresh process has opened one or two of them. */
const POOL = 10;
/** Clients keep their connections to an API for a minute, as many as there were clients at once. */
const CLIENTS = 50;

/**
 * Whether processes that have worked hold more timers and sockets than ones of the same kind that have just started, beyond
 * what stays open on purpose. One of either for each turn, post or subscriber would be many times that. Asks until they do not,
 * or `ms` have passed: some connections are closed a while after their last use.
 * @returns what each holds too much of, in words
 */
export async function leakedResources(system: System, ms = 30_000): Promise<string[]> {
  const alive = (services: ServiceProcess[]) => services.filter((service) => service.process.signalCode === null);
  const kinds = { api: alive(system.apis), worker: alive(system.workers), gateway: alive(system.gateways) };
  const leaks: string[] = [];
  for (const [kind, worn] of Object.entries(kinds) as [keyof typeof kinds, ServiceProcess[]][]) {
    const fresh = await system.start(kind);
    for (const service of worn) {
      const until = performance.now() + ms;
      for (;;) {
        const [now, idle] = await Promise.all([activeResources(service), activeResources(fresh)]);
        const spare = (type: string) => POOL + (kind === "api" && type === "TCPSocketWrap" ? CLIENTS : 0);
        const more = [...now].filter(
          ([type, count]) => !PASSING.has(type) && count > (idle.get(type) ?? 0) + spare(type),
        );
        if (more.length === 0) break;
        if (performance.now() > until) {
          leaks.push(`${kind}: ${more.map(([type, count]) => `${count} ${type} (idle: ${idle.get(type) ?? 0})`)}`);
          break;
        }
        await delay(250);
      }
    }
    await fresh.stop();
  }
  return leaks;
}

/**
 * What is left in Redis once every turn has ended: only what ends by itself, and the queues' few fixed keys. Jobs that dead
 * workers held are found by the living, so that it is asked again until they are gone, or `ms` have passed.
 * @returns the names of all other keys and of channels that somebody still follows
 */
export async function leakedKeys(system: System, ms = 90_000): Promise<string[]> {
  const redis = connectRedis(system.redis.url);
  await untilRedisReady(redis, 5_000);
  const until = performance.now() + ms;
  try {
    for (;;) {
      const leaked: string[] = [];
      for (const key of await redis.keys("*")) {
        const isFixed = /:queue:(turns|session-names):(meta|id|events|marker|stalled-check|pc)$/.test(key);
        if (!isFixed && (await redis.pttl(key)) === -1) leaked.push(key);
      }
      const channels = (await redis.pubsub("CHANNELS")) as string[];
      leaked.push(...channels.filter((channel) => /:(session|user):/.test(channel)).map((name) => `channel ${name}`));
      if (leaked.length === 0 || performance.now() > until) return leaked;
      await delay(500);
    }
  } finally {
    redis.disconnect();
  }
}
