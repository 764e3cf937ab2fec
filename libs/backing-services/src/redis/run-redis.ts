import { runServer } from "../run-server.ts";
import type { Server } from "../server.ts";
import { adoptRedis, launchRedis } from "./launch-redis.ts";
import { redisUrl } from "./ping-redis.ts";
import type { RedisBinary } from "./redis-binary.ts";
import { openRedisInstance, type RedisRole } from "./redis-instance.ts";

/** Runs a private Redis, as `runServer` does. */
export function runRedis(options: {
  binary: RedisBinary;
  dataDir?: string | undefined;
  keep: boolean;
  appendOnly: boolean;
  role: RedisRole;
}): Promise<Server> {
  const { binary } = options;
  return runServer("redis", options, async (home) => {
    const instance = await openRedisInstance({ ...options, home });
    return {
      description: `${binary.product} ${binary.version} of ${binary.program}, data in ${instance.dataFolder}`,
      stopSignal: "SIGTERM",
      urlOf: (port) => redisUrl(instance.password, port),
      adopt: () => adoptRedis(instance),
      launch: (how) => launchRedis(instance, how),
    };
  });
}
