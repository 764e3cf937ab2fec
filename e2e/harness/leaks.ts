import { setTimeout as delay } from "node:timers/promises";
import type { ServiceProcess } from "@boocode/local-stack";
import { connectRedis, untilRedisReady } from "@boocode/runtime";
import type { System } from "./start-system.ts";

/** What keeps a process's event loop alive, by type, as Node counts it. */
async function activeResources(service: ServiceProcess): Promise<Map<string, number>> {
  const text = await (await fetch(`${service.url}/metrics`, { headers: { connection: "close" } })).text();
  const found = text.matchAll(/^nodejs_active_resources\{type="(\w+)",[^}]*\} (\d+)$/gm);
  return new Map([...found].map(([, type, count]) => [type as string, Number(count)]));
}

/** Types that vary with the current work, such as answering this very request. */
const PASSING = new Set(["Immediate", "TickObject", "FSReqCallback", "GetAddrInfoReqWrap", "TCPConnectWrap"]);

/** A pool keeps its connections, each with a socket and a timer; a fresh process has opened one or two of them. */
const POOL = 10;
/** Each client keeps its connection to an API open for a minute after its last request. */
const CLIENTS = 50;

/**
 * Compares processes that have worked with fresh ones of the same kind: they may hold no more timers and sockets, except for
 * those kept open on purpose. A leak per turn, post or subscriber would be many times that. Repeats until they agree or `ms`
 * have passed, because some connections are closed a while after their last use.
 * @returns the excess of each process, as text
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
 * Checks that Redis holds only keys that expire and the few fixed keys of the queues, once every turn has ended. Repeats until
 * that is so or `ms` have passed, because living workers take over the jobs of dead ones.
 * @returns the names of all other keys, and of channels that still have subscribers
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
