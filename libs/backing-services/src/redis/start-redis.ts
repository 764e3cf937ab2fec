import { join } from "node:path";
import { repositoryRoot } from "../files/repository-root.ts";
import { givenServer, type Log, type Server } from "../server.ts";
import { trySources } from "../try-sources.ts";
import { extractRedis, findExtractedRedis } from "./extracted-redis.ts";
import { findInstalledRedis } from "./redis-binary.ts";
import { startRedisContainer } from "./redis-container.ts";
import { runRedis } from "./run-redis.ts";

/** Where a Redis may come from. */
export type RedisSource = "given" | "installed" | "extracted" | "apt" | "container";

export interface RedisOptions {
  /** Where kept data lies, and where the folder of a throw-away server is made (default: the system's temporary folder). */
  dataDir?: string;
  /** Keep the data for the next start. False: a private server that ends and is removed with this process. */
  keep: boolean;
  /** Default: the same as `keep`. */
  appendOnly?: boolean;
  /** What to try, in turn. Default: `REDIS_URL`, an installed one, one extracted earlier, one extracted now, a container. */
  order?: readonly RedisSource[];
  /** Where a Redis is extracted to, and looked for. Default: `.data` of this checkout. */
  downloads?: string;
  log?: Log;
}

/**
 * A Redis to use: the one that `REDIS_URL` names, or a private one that is started with what this machine has or apt gives.
 * @throws an error that says what was tried and what to do
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
  return typeof binary === "string" ? binary : runRedis({ binary, dataDir, keep, appendOnly });
}
