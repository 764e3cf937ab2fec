import { randomBytes } from "node:crypto";
import type { StartedTestContainer } from "testcontainers";
import { containerPassword } from "./container-password.ts";
import type { Server } from "./server.ts";

/** The password for a new or a kept container. */
export function passwordFor(name: string, options: { dataDir?: string | undefined; keep: boolean }): Promise<string> {
  if (options.keep && options.dataDir) return containerPassword(options.dataDir, name);
  return Promise.resolve(randomBytes(24).toString("hex"));
}

/** A started container as a server. A kept one is stopped but not removed, and is found again by its settings. */
export function containerServer(container: StartedTestContainer, url: string, how: string, keep: boolean): Server {
  const refuse = async () => {
    throw new Error("a server in a container is not signalled or restarted from here: its port would change");
  };
  return {
    url,
    how,
    pid: undefined,
    stop: async () => {
      await container.stop({ remove: !keep });
    },
    kill: refuse,
    restart: refuse,
  };
}
