import { setTimeout as delay } from "node:timers/promises";
import { Redis } from "ioredis";
import type { Server } from "../server.ts";
import { testRedis } from "./test-redis.ts";

/** A master with a replica, watched by Sentinels, which make the replica the master when the master is silent for 2 s. */
export interface RedisSentinels {
  /** A URL of the form that services take. */
  url: string;
  /** The password of the Sentinels; that of the servers is in the URL. */
  sentinelPassword: string;
  master: Server;
  replica: Server;
  sentinels: Server[];
  stop(): Promise<void>;
}

const DOWN_AFTER_MS = 2_000;
const NAME = "main";

const portOf = ({ url }: Server) => Number(new URL(url).port);

/** @param count number of Sentinels; the quorum is one */
export async function startRedisSentinels(count = 1): Promise<RedisSentinels> {
  const password = "servers";
  const sentinelPassword = "sentinels";
  const ofServers = [`masterauth ${password}`, "repl-diskless-sync-delay 0"];
  const started: Server[] = [];
  const stop = async () => void (await Promise.allSettled(started.reverse().map((server) => server.stop())));
  const start = async (...args: Parameters<typeof testRedis>) => {
    const server = await testRedis(...args);
    started.push(server);
    return server;
  };
  try {
    const master = await start({ password, config: () => ofServers });
    const replica = await start({ password, config: () => [...ofServers, `replicaof 127.0.0.1 ${portOf(master)}`] });
    const watched = [
      `sentinel monitor ${NAME} 127.0.0.1 ${portOf(master)} 1`,
      `sentinel auth-pass ${NAME} ${password}`,
      `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
      `sentinel failover-timeout ${NAME} 10000`,
      `sentinel sentinel-pass ${sentinelPassword}`,
    ];
    const sentinels: Server[] = [];
    for (let i = 0; i < count; i++) {
      sentinels.push(await start({ password: sentinelPassword, sentinel: true, config: () => watched }));
    }
    for (const sentinel of sentinels) await untilReplicaIsKnown(sentinel);
    const hosts = sentinels.map((sentinel) => `127.0.0.1:${portOf(sentinel)}`);
    const url = `redis+sentinel://:${password}@${hosts}/${NAME}`;
    return { url, sentinelPassword, master, replica, sentinels, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Resolves when the Sentinel knows the replica, for which it asks every ten seconds, and could fail over. */
async function untilReplicaIsKnown({ url }: Server): Promise<void> {
  const redis = new Redis(url, { enableReadyCheck: false });
  redis.on("error", () => {});
  try {
    for (const end = Date.now() + 20_000; ; await delay(100)) {
      const replicas = (await redis.call("SENTINEL", "REPLICAS", NAME)) as unknown[];
      if (JSON.stringify(replicas).includes('"slave"')) return;
      if (Date.now() > end) throw new Error("the Sentinel did not find the replica within 20 s");
    }
  } finally {
    redis.disconnect();
  }
}
