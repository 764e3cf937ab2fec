import { readFileSync } from "node:fs";
import { hasAudience, providerEnv } from "@boocode/identity";
import { limitsEnv, proxiesEnv } from "@boocode/limits";
import { hasModelServer, hasNoNamesake, hasOneLogin, modelServerEnv } from "@boocode/model-servers";
import { type OwnPaths, ownPathsOf, toolEnv } from "@boocode/project-tools";
import {
  checkRedisSettings,
  commonEnv,
  count,
  duration,
  folderEnv,
  origins,
  port,
  publicPages,
} from "@boocode/runtime";
import { z } from "zod";
import { shareEnv } from "./share-settings.ts";

/** Files that MODEL_SERVERS names. */
const keyFiles = new Set<string>();
function readKey(path: string): string {
  keyFiles.add(path);
  return readFileSync(path, "utf8");
}

/** The API's environment. Durations are in milliseconds. */
export const Config = z
  .object({
    ...commonEnv,
    ...providerEnv,
    ...limitsEnv,
    ...proxiesEnv,
    PORT: port.default(0),
    ...folderEnv,
    ...shareEnv,
    ...modelServerEnv({ env: (name) => process.env[name], readFile: readKey }),
    ...toolEnv,
    /** How many reads of projects run at once, each in a process of its own. */
    READ_PROCESSES: count().max(64).default(3),
    /** Origins of the web pages that may call this API. */
    CORS_ORIGINS: origins,
    /** Which of /metrics, /docs and /openapi.json are served. */
    PUBLIC_PAGES: publicPages,
    /** Limit of connections to this process. */
    MAX_HTTP_CONNECTIONS: count().default(2_000),
    BODY_LIMIT_BYTES: count(1_024).default(1024 * 1024),
    SHUTDOWN_GRACE_MS: duration().default(15_000),
    DATABASE_CONNECTIONS: count().default(10),
  })
  .refine(...hasModelServer)
  .refine(...hasNoNamesake)
  .refine(...hasOneLogin)
  .refine(...hasAudience)
  .superRefine(checkRedisSettings);
export type Config = z.infer<typeof Config>;

/** What no read opens, see `ownPathsOf`. */
export const ownPaths = (config: Config): OwnPaths => ownPathsOf(config, process.env, keyFiles);
