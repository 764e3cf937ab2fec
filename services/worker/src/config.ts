import { hostname } from "node:os";
import { commonEnv, count, duration, folders, port, url } from "@boocode/runtime";
import { z } from "zod";

/** The worker's environment. Durations are in milliseconds. */
export const Config = z
  .object({
    ...commonEnv,
    /** For /healthz, /readyz and /metrics. */
    PORT: port.default(0),
    WORKER_ID: z.string().max(200).default(`${hostname()}-${process.pid}`),
    PROJECT_ROOTS: folders,
    LLAMA_SWAP_URL: url("http:", "https:"),
    LLAMA_SWAP_API_KEY: z.string().optional(),
    /** For sessions that name no model; without it, the first that the model server lists. */
    DEFAULT_MODEL: z.string().optional(),
    /** Turns at once in this process; they wait on the network most of the time. */
    WORKER_CONCURRENCY: count().default(50),
    /** Follow-up model calls after the first. */
    MAX_TOOL_LOOP_DEPTH: count(0).default(5),
    TURN_TIMEOUT_MS: duration().default(30 * 60_000),
    MODEL_FIRST_BYTE_TIMEOUT_MS: duration().default(10 * 60_000),
    MODEL_IDLE_TIMEOUT_MS: duration().default(2 * 60_000),
    TOOL_TIMEOUT_MS: duration().default(15_000),
    TOOL_OUTPUT_BYTES: count(1_000).default(48 * 1024),
    /** Earlier turns are sent to the model as long as their text stays below so many characters. */
    HISTORY_CHARACTERS: count(0).default(400_000),
    DRAFT_INTERVAL_MS: duration().default(500),
    LEASE_MS: duration(500).default(5_000),
    HEARTBEAT_MS: duration(50).default(1_500),
    /** A turn is taken so many times before it is given up. */
    MAX_ATTEMPTS: count().default(3),
    FRAME_LOG_ENTRIES: count(100).default(5_000),
    FRAME_LOG_TTL_MS: duration(1_000).default(60 * 60_000),
    /** From SIGTERM to the end; the last 8 s of it are kept for handing turns back. */
    SHUTDOWN_GRACE_MS: duration().default(30_000),
    DATABASE_CONNECTIONS: count().default(10),
  })
  .refine((config) => config.HEARTBEAT_MS * 2 < config.LEASE_MS, {
    path: ["HEARTBEAT_MS"],
    message: "must be less than half of LEASE_MS",
  });
export type Config = z.infer<typeof Config>;
