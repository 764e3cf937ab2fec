import { connectRedis, type Redis, untilRedisReady } from "@boocode/runtime";
import type { System } from "../start-system.ts";

/** Connects to a system's Redis directly, bypassing any proxy between the services and Redis. */
export async function askRedis<T>(system: System, act: (redis: Redis) => Promise<T>): Promise<T> {
  const redis = connectRedis(system.redis.url);
  try {
    await untilRedisReady(redis, 5_000);
    return await act(redis);
  } finally {
    redis.disconnect();
  }
}

/** How many commands a Redis has refused since it started, because it was full. */
export async function refusedWhenFull(redis: Redis): Promise<number> {
  return Number(/errorstat_OOM:count=(\d+)/.exec(await redis.info("errorstats"))?.[1] ?? 0);
}

/** Ends every connection that follows channels. @returns how many there were */
export async function cutSubscribers(redis: Redis): Promise<number> {
  return Number(await redis.call("CLIENT", "KILL", "TYPE", "pubsub"));
}
