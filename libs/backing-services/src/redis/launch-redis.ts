import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { saveState } from "../files/save-state.ts";
import { launchServer, startupMs } from "../launch-server.ts";
import { waitUntilGone } from "../process/end-process.ts";
import { inspectProcess } from "../process/inspect-process.ts";
import { spawnServer } from "../process/spawn-server.ts";
import type { RunningServer } from "../run-server.ts";
import { pingRedis } from "./ping-redis.ts";
import type { RedisInstance } from "./redis-instance.ts";

/** Starts the server of this instance as `launchServer` does. */
export function launchRedis(instance: RedisInstance, options: { samePort: boolean }): Promise<RunningServer> {
  const { logFile, binary } = instance;
  return launchServer({
    name: "Redis",
    logFile,
    port: instance.port,
    samePort: options.samePort,
    async spawn(port) {
      const input = configuration(instance, port);
      const args = instance.role.sentinel ? await sentinelArguments(instance, input) : ["-"];
      const server = await spawnServer({ command: binary.program, args, logFile, env: binary.env, input });
      // Saved before the server is ready, so that the next start finds the server even if this process is killed now.
      Object.assign(instance, { pid: server.pid, port });
      await saveState(instance.stateFile, { password: instance.password, port, pid: server.pid });
      return server;
    },
    isReady: async (server, port) => (await pingRedis(instance.password, port)) === server.pid,
    abortSignal: "SIGTERM",
    transientFailure: /Address already in use|Failed listening|Could not create server TCP listening/,
  });
}

/** The configuration, passed by standard input: it holds the password, and every user of the machine can read arguments. */
function configuration(instance: RedisInstance, port: number): string {
  const { role } = instance;
  const every = [
    "bind 127.0.0.1",
    `port ${port}`,
    "protected-mode yes",
    `requirepass ${instance.password}`,
    `dir ${JSON.stringify(instance.dataFolder)}`,
    ...(role.config?.(port) ?? []),
  ];
  const ofServers = [
    'save ""',
    `appendonly ${instance.appendOnly ? "yes" : "no"}`,
    "appendfsync everysec",
    // BullMQ must not lose keys to eviction: a full Redis should refuse writes instead.
    "maxmemory-policy noeviction",
  ];
  return `${[...every, ...(role.sentinel ? [] : ofServers)].join("\n")}\n`;
}

/** A Sentinel rewrites its configuration, which must therefore be a file. */
async function sentinelArguments({ dataFolder }: RedisInstance, text: string): Promise<string[]> {
  const file = join(dataFolder, "sentinel.conf");
  await writeFile(file, text, { mode: 0o600 });
  return [file, "--sentinel"];
}

/** The server of this instance that an earlier start left running; undefined when there is none. */
export async function adoptRedis(instance: RedisInstance): Promise<RunningServer | undefined> {
  const { pid, port } = instance;
  const deadline = Date.now() + startupMs;
  while (pid && port && /^$|redis|valkey/.test(inspectProcess(pid)?.command ?? "gone")) {
    if ((await pingRedis(instance.password, port)) === pid) return { pid, port };
    // It may be loading its data, or ending, or be someone else's server that was given the pid of ours.
    if (Date.now() > deadline || (await waitUntilGone(pid, 100))) return undefined;
  }
  return undefined;
}
