import { lockFolder } from "../files/lock-folder.ts";
import { openHome } from "../files/open-home.ts";
import { endProcess, signalTree } from "../process/end-process.ts";
import { startGuardian } from "../process/guardian.ts";
import { inspectProcess } from "../process/inspect-process.ts";
import type { SystemUser } from "../process/system-user.ts";
import type { Durability, Server } from "../server.ts";
import { adoptPostgres } from "./adopt-postgres.ts";
import { openCluster } from "./cluster.ts";
import { clusterUrl } from "./confirm-postgres.ts";
import { launchPostgres } from "./launch-postgres.ts";
import type { PostgresBinaries } from "./postgres-binaries.ts";

/**
 * Runs a private Postgres with these binaries. Kept data is locked against a second start, and a server that is still
 * running on it is adopted; a throw-away server has a folder of its own and ends with this process, even after SIGKILL.
 */
export async function runPostgres(options: {
  binaries: PostgresBinaries;
  user: SystemUser | undefined;
  dataDir?: string | undefined;
  keep: boolean;
  durability: Durability;
}): Promise<Server> {
  const { binaries, keep } = options;
  const home = await openHome(options);
  const guardian = keep ? undefined : startGuardian(home);
  const unlock = keep ? await lockFolder(`${home}/postgres.lock`) : undefined;
  const release = async () => {
    await guardian?.release();
    await unlock?.();
  };
  try {
    const cluster = await openCluster({ ...options, home });
    const adopted = keep ? await adoptPostgres(cluster) : undefined;
    let running = adopted ?? (await launchPostgres(cluster, { samePort: false }));
    guardian?.watch(running.pid);
    const end = async () => {
      if (inspectProcess(running.pid)) await endProcess(running.pid, "SIGINT");
      guardian?.watch(undefined);
    };
    return {
      url: clusterUrl(cluster.password, running.port),
      how: `Postgres ${binaries.version} of ${binaries.folder}, data in ${cluster.dataFolder}${adopted ? ", found running" : ""}`,
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
        running = await launchPostgres(cluster, { samePort: true });
        guardian?.watch(running.pid);
      },
    };
  } catch (error) {
    await release();
    throw error;
  }
}
