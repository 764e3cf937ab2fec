import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endProcess } from "../process/end-process.ts";
import { freePort } from "../process/free-port.ts";
import { inspectProcess } from "../process/inspect-process.ts";
import { spawnServer } from "../process/spawn-server.ts";
import { type Cluster, saveState } from "./cluster.ts";
import { confirmPostgres } from "./confirm-postgres.ts";

/** Repairing the data after a crash may take this long. */
const startupMs = 60_000;

const fast = [
  "fsync=off",
  "synchronous_commit=off",
  "full_page_writes=off",
  "max_connections=200",
  "autovacuum_naptime=300",
];

/**
 * Starts the server of this cluster on the port it had before, else on another; resolves when it answers.
 * @throws with the end of its log when it ends instead
 */
export async function launchPostgres(
  cluster: Cluster,
  options: { samePort: boolean },
): Promise<{ pid: number; port: number }> {
  await removeStalePidFile(cluster.dataFolder);
  const deadline = Date.now() + startupMs;
  let words = "it ended without a word";
  for (;;) {
    const port = options.samePort && cluster.port ? cluster.port : await freePort(cluster.port);
    await writeFile(cluster.logFile, "");
    const outcome = await tryPort(cluster, port, deadline);
    if (typeof outcome === "number") {
      await confirmPostgres(cluster.password, port);
      cluster.port = port;
      await saveState(cluster);
      return { pid: outcome, port };
    }
    // The port was taken in between, or children of a killed server are still letting go of the memory they shared.
    const passing =
      /could not bind|Address already in use|pre-existing shared memory|is another (postmaster|server)/.test(outcome);
    // The last of many attempts may be cut short by the deadline, and say nothing.
    words = outcome || words;
    if (!passing || Date.now() > deadline) throw new Error(`Postgres did not start:\n${words.slice(-2000)}`);
    await sleep(50);
  }
}

/** Returns the pid when the server is ready, or its log when it ended. */
async function tryPort(cluster: Cluster, port: number, deadline: number): Promise<number | string> {
  const settings = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "log_checkpoints=off",
    ...(cluster.durability === "test" ? fast : []),
  ];
  const server = await spawnServer({
    command: join(cluster.binaries.folder, "postgres"),
    args: ["-D", cluster.dataFolder, "-p", String(port), ...settings.flatMap((setting) => ["-c", setting])],
    logFile: cluster.logFile,
    user: cluster.user,
  });
  while (!server.hasExited()) {
    const lines = await readPidFile(cluster.dataFolder);
    if (lines?.pid === server.pid && lines.ready) return server.pid;
    if (Date.now() > deadline) {
      await endProcess(server.pid, "SIGQUIT");
      break;
    }
    await sleep(10);
  }
  return await readFile(cluster.logFile, "utf8");
}

/** What postmaster.pid says: line 1 is the pid, 4 the port, 8 the state. */
export async function readPidFile(
  dataFolder: string,
): Promise<{ pid: number; port: number; ready: boolean } | undefined> {
  const text = await readFile(join(dataFolder, "postmaster.pid"), "utf8").catch(() => undefined);
  const lines = text?.split("\n");
  return lines && { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === "ready" };
}

/** Postgres will not start while the pid in its file lives, even when that pid has long been given to another program. */
async function removeStalePidFile(dataFolder: string): Promise<void> {
  const file = await readPidFile(dataFolder);
  const owner = file && inspectProcess(file.pid);
  if (owner && !isPostgres(owner.command)) await rm(join(dataFolder, "postmaster.pid"), { force: true });
}

/** Is this the command of a Postgres server? An empty one is a platform that does not tell. */
export function isPostgres(command: string): boolean {
  return command === "" || /postgres|postmaster/.test(command);
}
