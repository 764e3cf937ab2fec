import { containerPassword, containerServer, hasContainerEngine, noContainerEngine } from "../container-server.ts";
import type { Server } from "../server.ts";

const image = "redis:7-alpine";

/** Starts Redis in a container; returns the reason when there is no Docker engine. Needs the network the first time. */
export async function startRedisContainer(options: {
  dataDir?: string | undefined;
  keep: boolean;
  appendOnly: boolean;
}): Promise<Server | string> {
  if (!(await hasContainerEngine())) return noContainerEngine;
  const { RedisContainer } = await import("@testcontainers/redis");
  const password = await containerPassword("redis", options);
  // The password is in the command, because withPassword would build a command of its own, without persistence.
  const wanted = new RedisContainer(image).withCommand([
    "redis-server",
    ...["--requirepass", password, "--save", "", "--maxmemory-policy", "noeviction"],
    ...["--appendonly", options.appendOnly ? "yes" : "no"],
  ]);
  const container = await (options.keep ? wanted.withReuse() : wanted).start();
  const url = `redis://:${password}@${container.getHost()}:${container.getPort()}`;
  return containerServer(container, url, `the container image ${image}`, options.keep);
}
