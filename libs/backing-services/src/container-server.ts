import { randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { StartedTestContainer } from "testcontainers";
import type { Server } from "./server.ts";

/** The reason when `hasContainerEngine` is false. */
export const noContainerEngine = "no Docker engine answers";

/** Whether a Docker engine answers. testcontainers takes half a second to load, so this is checked last. */
export async function hasContainerEngine(): Promise<boolean> {
  const { getContainerRuntimeClient } = await import("testcontainers");
  return getContainerRuntimeClient().then(
    () => true,
    () => false,
  );
}

/**
 * The password for a container. For a kept container it is created once per data folder: testcontainers finds a container again
 * by its settings, so the password also distinguishes the containers of two checkouts.
 */
export async function containerPassword(
  name: string,
  options: { dataDir?: string | undefined; keep: boolean },
): Promise<string> {
  const fresh = randomBytes(24).toString("hex");
  if (!options.keep || !options.dataDir) return fresh;
  const file = join(options.dataDir, `${name}-container.password`);
  await mkdir(options.dataDir, { recursive: true });
  await writeFile(file, fresh, { mode: 0o600, flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST") throw error;
  });
  return readFile(file, "utf8");
}

/** A started container as a server. A kept one is stopped but not removed, and is found again by its settings. */
export function containerServer(container: StartedTestContainer, url: string, how: string, keep: boolean): Server {
  const refuse = async () => {
    throw new Error("a server in a container cannot be signalled or restarted: its port would change");
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
