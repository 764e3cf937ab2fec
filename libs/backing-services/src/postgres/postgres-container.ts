import { containerPassword, containerServer, hasContainerEngine, noContainerEngine } from "../container-server.ts";
import type { Server } from "../server.ts";

const image = "postgres:17-alpine";

/** Starts Postgres in a container; returns the reason when there is no Docker engine. Needs the network the first time. */
export async function startPostgresContainer(options: {
  dataDir?: string | undefined;
  keep: boolean;
}): Promise<Server | string> {
  if (!(await hasContainerEngine())) return noContainerEngine;
  const { PostgreSqlContainer } = await import("@testcontainers/postgresql");
  const password = await containerPassword("postgres", options);
  const wanted = new PostgreSqlContainer(image).withDatabase("boocode").withUsername("boocode").withPassword(password);
  const container = await (options.keep ? wanted.withReuse() : wanted).start();
  return containerServer(container, container.getConnectionUri(), `the container image ${image}`, options.keep);
}
