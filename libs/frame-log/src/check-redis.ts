import type { Cluster, Redis } from "ioredis";
import type { Keys } from "./keys.ts";

/** Writes a key and removes it again, so that no write is left. A full or read-only Redis, or missing rights, make it fail. */
const WRITE = "redis.call('set', KEYS[1], '', 'px', 1000) return redis.call('del', KEYS[1])";

/** Rejects when Redis does not take the commands of a process that publishes frames: a script that writes, and a publish. */
export async function checkPublishing(redis: Redis | Cluster, keys: Keys): Promise<void> {
  await Promise.all([redis.eval(WRITE, 1, keys.check), redis.publish(keys.check, "")]);
}

/** Rejects when Redis does not take the commands of a process that relays frames: reading logs, and consuming tickets. */
export async function checkRelaying(redis: Redis | Cluster, keys: Keys): Promise<void> {
  await Promise.all([redis.xrange(keys.check, "-", "+", "COUNT", 1), redis.getdel(keys.check)]);
}
