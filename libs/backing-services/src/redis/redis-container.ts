import { containerPassword, containerServer, hasContainerEngine, noContainerEngine } from "../container-server.ts";
import type { Server } from "../server.ts";

const image = "redis:7-alpine";

/** A Redis in a container; a reason in words where there is no Docker engine. Needs the network the first time. */
export async function startRedisContainer(options: {
  dataDir?: string | undefined;
  keep: boolean;
  appendOnly: boolean;
}): Promise<Server | string> {
  if (!(await hasContainerEngine())) return noContainerEngine;
  const { RedisContainer } = await import("@testcontainers/redis");
  const password = await containerPassword("redis", options);
  // The command comes last: withPassword would build one of its own, without persistence.
  const wanted = new RedisContainer(image).withCommand([
    "redis-server",
    ...["--requirepass", password, "--save", "", "--maxmemory-policy", "noeviction"],
    ...["--appendonly", options.appendOnly ? "yes" : "no"],
  ]);
  const container = await (options.keep ? wanted.withReuse() : wanted).start();
  const url = `redis://:${password}@${container.getHost()}:${container.getPort()}`;
  return containerServer(container, url, `the container image ${image}`, options.keep);
}
