import { readFileSync } from "node:fs";
import { availableParallelism, hostname } from "node:os";
import { limitsEnv } from "@boocode/limits";
import { hasModelServer, hasNoNamesake, hasOneLogin, modelServerEnv } from "@boocode/model-servers";
import { type OwnPaths, ownPathsOf, toolEnv } from "@boocode/project-tools";
import { checkRedisSettings, commonEnv, count, duration, folderEnv, port } from "@boocode/runtime";
import { z } from "zod";

/** Files that MODEL_SERVERS names. */
const keyFiles = new Set<string>();
function readKey(path: string): string {
  keyFiles.add(path);
  return readFileSync(path, "utf8");
}

/** The worker's environment. Durations are in milliseconds. */
export const Config = z
  .object({
    ...commonEnv,
    /** For /healthz, /readyz and /metrics. */
    PORT: port.default(0),
    WORKER_ID: z.string().max(200).default(`${hostname()}-${process.pid}`),
    ...folderEnv,
    ...limitsEnv,
    ...modelServerEnv({ env: (name) => process.env[name], readFile: readKey }),
    ...toolEnv,
    /** The most turns that run at once in this process. Turns mostly wait on the network. */
    WORKER_CONCURRENCY: count().default(50),
    /** How many of them may be isolated turns: on their last attempt, each in its own process, as a worker died under it. */
    ISOLATED_TURNS: count().default(8),
    /** The old name of `ISOLATED_TURNS`. */
    LONE_TURNS: count().optional(),
    /** Follow-up model calls after the first. */
    MAX_TOOL_LOOP_DEPTH: count(0).default(5),
    TURN_TIMEOUT_MS: duration().default(30 * 60_000),
    MODEL_FIRST_BYTE_TIMEOUT_MS: duration().default(10 * 60_000),
    MODEL_IDLE_TIMEOUT_MS: duration().default(2 * 60_000),
    /** The longest wait for a model that is loading. */
    MODEL_LOADING_TIMEOUT_MS: duration().default(10 * 60_000),
    /** After this much silence subscribers are notified that the model may be loading. */
    MODEL_SILENCE_NOTICE_MS: duration().default(3_000),
    /** Limit of retries after error responses, and the time limit for these and for retries while a server is away. */
    MODEL_RETRIES: count(0).default(6),
    MODEL_RETRY_BUDGET_MS: duration(0).default(2 * 60_000),
    /** TTL of a slot at a model server that has limits. The slot's worker renews it. */
    MODEL_SLOT_LEASE_MS: duration(500).default(15_000),
    /** In tokens, for models whose context window is unknown. */
    MODEL_DEFAULT_WINDOW: count(512).default(32_768),
    /** The share of the context window that is reserved for the answer, and its upper bound in tokens. */
    MODEL_ANSWER_PERCENT: count().max(90).default(20),
    MODEL_ANSWER_TOKENS: count().default(16_384),
    TOOL_OUTPUT_BYTES: count(1_000).default(48 * 1024),
    /** How many tool calls run at once, each in a process of its own; default: see `defaultToolProcesses`. */
    TOOL_PROCESSES: count().max(64).optional(),
    /** The longest wait of a call for its turn. */
    TOOL_WAIT_MS: duration().default(60_000),
    /** The end of an answer waits so long for the check of its citations. */
    CITATIONS_TIMEOUT_MS: duration().default(200),
    /** The most characters of earlier turns that are read, however large the model's context window. */
    HISTORY_CHARACTERS: count(0).default(2_000_000),
    DRAFT_INTERVAL_MS: duration().default(500),
    LEASE_MS: duration(500).default(5_000),
    HEARTBEAT_MS: duration(50).default(1_000),
    /** Attempts lost to the death of their worker, after which a turn fails. */
    MAX_ATTEMPTS: count().default(3),
    FRAME_LOG_ENTRIES: count(100).default(5_000),
    FRAME_LOG_TTL_MS: duration(1_000).default(60 * 60_000),
    /** The same from a turn's end: what a client needs that reconnects then. Later ones are served from Postgres. */
    FRAME_LOG_ENDED_TTL_MS: duration(1_000).default(60_000),
    /** Deleted rows are removed after this many days; 0: within a minute. */
    PURGE_AFTER_DAYS: count(0).default(7),
    /** Sessions that were not used for this many days are deleted; 0: never. */
    RETENTION_DAYS: count(0).default(0),
    /** Events of the audit log are removed after this many days. The database itself refuses to remove younger ones than 30. */
    AUDIT_RETENTION_DAYS: count(30).default(365),
    /** The pause between two searches for what these three settings remove. */
    MAINTENANCE_INTERVAL_MS: duration().default(60_000),
    /** From SIGTERM to the end of the process. The last 8 s are reserved for releasing turns. */
    SHUTDOWN_GRACE_MS: duration().default(30_000),
    DATABASE_CONNECTIONS: count().default(10),
  })
  .refine(...hasModelServer)
  .refine(...hasNoNamesake)
  .refine(...hasOneLogin)
  .superRefine(checkRedisSettings)
  .refine((config) => !(config.HEARTBEAT_MS * 2 >= config.LEASE_MS), {
    path: ["HEARTBEAT_MS"],
    message: "must be less than half of LEASE_MS",
    // Reported together with all other errors. A value that is not a number compares as false here and has its own error.
    when: () => true,
  });
export type Config = z.infer<typeof Config>;

/** The data folder and every file that the environment names, for secrets and certificates alike: no tool opens them. */
export function ownPaths(
  config: Pick<Config, "DATA_DIR" | "DATABASE_URL">,
  env: Record<string, string | undefined> = process.env,
): OwnPaths {
  return ownPathsOf(config, env, keyFiles);
}

/** Two for each core, because a call also waits for the disk. */
export const defaultToolProcesses = () => Math.min(16, Math.max(4, 2 * availableParallelism()));

/** Pool size of an isolated turn's process, which reads, commits and saves drafts for one turn. */
export const isolatedConnections = (config: Pick<Config, "DATABASE_CONNECTIONS">) =>
  Math.min(config.DATABASE_CONNECTIONS, 3);

/** Limit of Postgres connections of a worker and its isolated turns. Each of these processes has one more for heartbeats. */
export const mostConnections = (config: Pick<Config, "DATABASE_CONNECTIONS" | "ISOLATED_TURNS">) =>
  config.DATABASE_CONNECTIONS + 1 + config.ISOLATED_TURNS * (isolatedConnections(config) + 1);

/** How many isolated turns may run at once. When both names of the variable are set, `ISOLATED_TURNS` wins. */
export function isolatedCapacity(
  config: Pick<Config, "ISOLATED_TURNS" | "LONE_TURNS">,
  env: Record<string, string | undefined>,
  warn: (message: string) => void,
): number {
  if (config.LONE_TURNS === undefined) return config.ISOLATED_TURNS;
  if (!env.ISOLATED_TURNS && !env.ISOLATED_TURNS_FILE) return config.LONE_TURNS;
  warn("LONE_TURNS is ignored, because ISOLATED_TURNS is set: remove LONE_TURNS, the old name");
  return config.ISOLATED_TURNS;
}
