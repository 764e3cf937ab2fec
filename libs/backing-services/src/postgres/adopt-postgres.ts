import { setTimeout as sleep } from "node:timers/promises";
import { inspectProcess } from "../process/inspect-process.ts";
import type { RunningServer } from "../run-server.ts";
import type { Cluster } from "./cluster.ts";
import { confirmPostgres } from "./confirm-postgres.ts";
import { isPostgres, readPidFile } from "./pid-file.ts";

/**
 * Finds a server of this data folder that an earlier start left running, for example because it was killed. Undefined when
 * there is none; waits while one starts or stops.
 */
export async function adoptPostgres(cluster: Cluster): Promise<RunningServer | undefined> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const file = await readPidFile(cluster.dataFolder);
    const owner = file && inspectProcess(file.pid);
    if (!file || !owner || !isPostgres(owner.command)) return undefined;
    try {
      await confirmPostgres(cluster.password, file.port);
      cluster.port = file.port;
      return { pid: file.pid, port: file.port };
    } catch (cause) {
      // Another Postgres may have the recorded pid; it uses another port, so the connection is refused.
      if (isRefused(cause)) {
        if (!file.ready && Date.now() < deadline) await sleep(50);
        else return undefined;
      } else if (Date.now() > deadline) {
        throw new Error(`Postgres ${file.pid} of ${cluster.dataFolder} is running but does not let us connect`, {
          cause,
        });
      } else await sleep(50);
    }
  }
}

function isRefused(error: unknown): boolean {
  return (error as { code?: string }).code === "ECONNREFUSED";
}
