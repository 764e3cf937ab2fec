import type { SystemUser } from "../process/system-user.ts";
import { runServer } from "../run-server.ts";
import type { Durability, Server } from "../server.ts";
import { adoptPostgres } from "./adopt-postgres.ts";
import { openCluster } from "./cluster.ts";
import { clusterUrl } from "./confirm-postgres.ts";
import { launchPostgres } from "./launch-postgres.ts";
import type { PostgresBinaries } from "./postgres-binaries.ts";

/** Runs a private Postgres with these binaries, as `runServer` does. */
export function runPostgres(options: {
  binaries: PostgresBinaries;
  user: SystemUser | undefined;
  dataDir?: string | undefined;
  keep: boolean;
  durability: Durability;
}): Promise<Server> {
  const { binaries } = options;
  return runServer("postgres", options, async (home) => {
    const cluster = await openCluster({ ...options, home });
    return {
      description: `Postgres ${binaries.version} of ${binaries.folder}, data in ${cluster.dataFolder}`,
      // Fast shutdown: it disconnects clients instead of waiting for them.
      stopSignal: "SIGINT",
      urlOf: (port) => clusterUrl(cluster.password, port),
      adopt: () => adoptPostgres(cluster),
      launch: (how) => launchPostgres(cluster, how),
    };
  });
}
