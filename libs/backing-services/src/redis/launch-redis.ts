import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { endProcess, waitUntilGone } from "../process/end-process.ts";
import { freePort } from "../process/free-port.ts";
import { inspectProcess } from "../process/inspect-process.ts";
import { spawnServer } from "../process/spawn-server.ts";
import { pingRedis } from "./ping-redis.ts";
import { type RedisInstance, saveRedisState } from "./redis-instance.ts";

/** Loading the append-only file may take this long. */
const startupMs = 60_000;

/**
 * Starts the server of this instance on the port it had before, else on another; resolves when it answers.
 * @throws with the end of its log when it ends instead
 */
export async function launchRedis(
  instance: RedisInstance,
  options: { samePort: boolean },
): Promise<{ pid: number; port: number }> {
  const deadline = Date.now() + startupMs;
  for (;;) {
    const port = options.samePort && instance.port ? instance.port : await freePort(instance.port);
    await writeFile(instance.logFile, "");
    const outcome = await tryPort(instance, port, deadline);
    if (typeof outcome === "number") return { pid: outcome, port };
    const taken = /Address already in use|Failed listening/.test(outcome);
    if (!taken || Date.now() > deadline) throw new Error(`Redis did not start:\n${outcome.slice(-2000)}`);
    await sleep(50);
  }
}

/** Returns the pid when the server answers, or its log when it ended. */
async function tryPort(instance: RedisInstance, port: number, deadline: number): Promise<number | string> {
  const { command, args } = { command: instance.binary.program, args: ["-"] };
  const { logFile, binary } = instance;
  const server = await spawnServer({ command, args, logFile, env: binary.env, input: configuration(instance, port) });
  // Saved before it answers, so that a start that is killed right now leaves no server that nobody knows.
  Object.assign(instance, { pid: server.pid, port });
  await saveRedisState(instance);
  while (!server.hasExited()) {
    if ((await pingRedis(instance.password, port)) === server.pid) return server.pid;
    if (Date.now() > deadline) {
      await endProcess(server.pid, "SIGTERM");
      break;
    }
    await sleep(10);
  }
  return (await readFile(logFile, "utf8")) || "it ended without a word";
}

/** Goes to standard input: an argument could be read by every user of the machine, and so could the password in it. */
function configuration(instance: RedisInstance, port: number): string {
  const lines = [
    "bind 127.0.0.1",
    `port ${port}`,
    "protected-mode yes",
    `requirepass ${instance.password}`,
    `dir ${JSON.stringify(instance.dataFolder)}`,
    'save ""',
    `appendonly ${instance.appendOnly ? "yes" : "no"}`,
    "appendfsync everysec",
    // BullMQ must not lose keys to eviction: a full Redis should refuse writes instead.
    "maxmemory-policy noeviction",
  ];
  return `${lines.join("\n")}\n`;
}

/** The server of this instance that an earlier start left running; undefined when there is none. */
export async function adoptRedis(instance: RedisInstance): Promise<{ pid: number; port: number } | undefined> {
  const { pid, port } = instance;
  const deadline = Date.now() + startupMs;
  while (pid && port && /^$|redis|valkey/.test(inspectProcess(pid)?.command ?? "gone")) {
    if ((await pingRedis(instance.password, port)) === pid) return { pid, port };
    // It may be loading its data, ending, or be another's server that was given the pid of ours.
    if (Date.now() > deadline || (await waitUntilGone(pid, 100))) return undefined;
  }
  return undefined;
}
