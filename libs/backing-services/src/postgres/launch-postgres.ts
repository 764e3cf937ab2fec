import { rm } from "node:fs/promises";
import { join } from "node:path";
import { saveState } from "../files/save-state.ts";
import { launchServer } from "../launch-server.ts";
import { inspectProcess } from "../process/inspect-process.ts";
import { spawnServer } from "../process/spawn-server.ts";
import type { RunningServer } from "../run-server.ts";
import type { Cluster } from "./cluster.ts";
import { confirmPostgres } from "./confirm-postgres.ts";
import { isPostgres, readPidFile } from "./pid-file.ts";

const fast = [
  "fsync=off",
  "synchronous_commit=off",
  "full_page_writes=off",
  "max_connections=200",
  "autovacuum_naptime=300",
];

/** Starts the server of this cluster as `launchServer` does. */
export async function launchPostgres(cluster: Cluster, options: { samePort: boolean }): Promise<RunningServer> {
  await removeStalePidFile(cluster.dataFolder);
  const settings = [
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "log_checkpoints=off",
    ...(cluster.durability === "test" ? fast : []),
  ];
  const running = await launchServer({
    name: "Postgres",
    logFile: cluster.logFile,
    port: cluster.port,
    samePort: options.samePort,
    spawn: (port) =>
      spawnServer({
        command: join(cluster.binaries.folder, "postgres"),
        args: ["-D", cluster.dataFolder, "-p", String(port), ...settings.flatMap((setting) => ["-c", setting])],
        logFile: cluster.logFile,
        user: cluster.user,
      }),
    async isReady({ pid }) {
      const file = await readPidFile(cluster.dataFolder);
      return file?.pid === pid && file.ready;
    },
    abortSignal: "SIGQUIT",
    // The port was taken in the meantime, or children of a killed server still hold its shared memory.
    transientFailure: /could not bind|Address already in use|pre-existing shared memory|is another (postmaster|server)/,
  });
  await confirmPostgres(cluster.password, running.port);
  cluster.port = running.port;
  await saveState(cluster.stateFile, { password: cluster.password, port: cluster.port });
  return running;
}

/** Postgres refuses to start while the pid in its file is alive, even when that pid now belongs to another program. */
async function removeStalePidFile(dataFolder: string): Promise<void> {
  const file = await readPidFile(dataFolder);
  const owner = file && inspectProcess(file.pid);
  if (owner && !isPostgres(owner.command)) await rm(join(dataFolder, "postmaster.pid"), { force: true });
}
