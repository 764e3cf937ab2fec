import { lockFolder } from "../files/lock-folder.ts";
import { openHome } from "../files/open-home.ts";
import { endProcess, signalTree } from "../process/end-process.ts";
import { startGuardian } from "../process/guardian.ts";
import { inspectProcess } from "../process/inspect-process.ts";
import type { Server } from "../server.ts";
import { adoptRedis, launchRedis } from "./launch-redis.ts";
import { redisUrl } from "./ping-redis.ts";
import type { RedisBinary } from "./redis-binary.ts";
import { openRedisInstance } from "./redis-instance.ts";

/**
 * Runs a private Redis. Kept data is locked against a second start, and a server that is still running on it is adopted;
 * a throw-away server has a folder of its own and ends with this process, even after SIGKILL.
 */
export async function runRedis(options: {
  binary: RedisBinary;
  dataDir?: string | undefined;
  keep: boolean;
  appendOnly: boolean;
}): Promise<Server> {
  const { binary, keep } = options;
  const home = await openHome(options);
  const guardian = keep ? undefined : startGuardian(home);
  const unlock = keep ? await lockFolder(`${home}/redis.lock`) : undefined;
  const release = async () => {
    await guardian?.release();
    await unlock?.();
  };
  try {
    const instance = await openRedisInstance({ ...options, home });
    const adopted = keep ? await adoptRedis(instance) : undefined;
    let running = adopted ?? (await launchRedis(instance, { samePort: false }));
    guardian?.watch(running.pid);
    const end = async () => {
      if (inspectProcess(running.pid)) await endProcess(running.pid, "SIGTERM");
      guardian?.watch(undefined);
    };
    return {
      url: redisUrl(instance.password, running.port),
      how: `${binary.product} ${binary.version} of ${binary.program}, data in ${instance.dataFolder}${adopted ? ", found running" : ""}`,
      get pid() {
        return running.pid;
      },
      kill: (signal) => signalTree(running.pid, signal),
      stop: async () => {
        await end();
        await release();
      },
      restart: async () => {
        await end();
        running = await launchRedis(instance, { samePort: true });
        guardian?.watch(running.pid);
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}
