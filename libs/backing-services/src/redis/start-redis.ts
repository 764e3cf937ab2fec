import { join } from "node:path";
import { repositoryRoot } from "../files/repository-root.ts";
import { givenServer, type Log, type Server } from "../server.ts";
import { trySources } from "../try-sources.ts";
import { extractRedis, findExtractedRedis } from "./extracted-redis.ts";
import { findInstalledRedis } from "./redis-binary.ts";
import { startRedisContainer } from "./redis-container.ts";
import type { RedisRole } from "./redis-instance.ts";
import { runRedis } from "./run-redis.ts";

/** Sources of a Redis. */
export type RedisSource = "given" | "installed" | "extracted" | "apt" | "container";

export interface RedisOptions extends RedisRole {
  /** The folder of kept data, or the parent of a throw-away server's folder (default: the system's temporary folder). */
  dataDir?: string;
  /** Keep the data for the next start. False: a private server that is stopped and removed with this process. */
  keep: boolean;
  /** Default: the same as `keep`. */
  appendOnly?: boolean;
  /**
   * Sources in the order in which they are tried. Default: `REDIS_URL`, an installed Redis, one extracted earlier, one
   * extracted now, a container.
   */
  order?: readonly RedisSource[];
  /** The folder into which a Redis is extracted, and where it is found again. Default: `.data` of this checkout. */
  downloads?: string;
  log?: Log;
}

/**
 * Provides a Redis: the one of `REDIS_URL`, or a private one from what this machine has or apt can fetch.
 * @throws an error that lists what was tried and says what to do
 */
export function startRedis(options: RedisOptions): Promise<Server> {
  return trySources({
    name: "Redis",
    order: options.order ?? ["given", "installed", "extracted", "apt", "container"],
    start: (source) => startFrom(source, options),
    isFinal: (source) => source === "installed" || source === "extracted",
    advice:
      "Set REDIS_URL to one, or install one (`brew install redis`, `apt-get install redis-server`), or start Docker.",
    log: options.log,
  });
}

async function startFrom(source: RedisSource, options: RedisOptions): Promise<Server | string> {
  const { dataDir, keep, appendOnly = keep, downloads = join(repositoryRoot, ".data") } = options;
  if (source === "given") {
    const url = process.env.REDIS_URL;
    return url ? givenServer(url, "REDIS_URL") : "REDIS_URL is not set";
  }
  if (source === "container") return startRedisContainer({ dataDir, keep, appendOnly });
  if (source === "apt")
    options.log?.("No Redis on this machine: fetching one with apt into .data (once, nothing is installed)");
  const find = { installed: findInstalledRedis, extracted: findExtractedRedis, apt: extractRedis }[source];
  const binary = await find(downloads);
  if (binary === undefined) return source === "installed" ? "no redis-server or valkey-server on the PATH" : "none yet";
  const { config, password, sentinel } = options;
  const role = { config, password, sentinel };
  return typeof binary === "string" ? binary : runRedis({ binary, dataDir, keep, appendOnly, role });
}
