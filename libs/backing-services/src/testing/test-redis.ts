import type { RedisRole } from "../redis/redis-instance.ts";
import { startRedis } from "../redis/start-redis.ts";
import type { Server } from "../server.ts";

/** A private, empty Redis for one test file, in about 80 ms; it may be killed and restarted. Call `stop` in `afterAll`. */
export function testRedis(options: { appendOnly?: boolean } & RedisRole = {}): Promise<Server> {
  // A role needs a server that we start ourselves.
  const others = options.config || options.sentinel ? [] : (["given", "container"] as const);
  return startRedis({ keep: false, ...options, order: ["installed", "extracted", ...others] });
}
