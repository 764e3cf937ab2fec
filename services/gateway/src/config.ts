import { hasAudience, providerEnv } from "@boocode/identity";
import { limitsEnv, proxiesEnv } from "@boocode/limits";
import { checkRedisSettings, commonEnv, count, duration, origins, port, publicPages } from "@boocode/runtime";
import { z } from "zod";

/** The gateway's environment. Durations are in milliseconds. */
export const Config = z
  .object({
    ...commonEnv,
    ...providerEnv,
    ...limitsEnv,
    ...proxiesEnv,
    PORT: port.default(0),
    /** Origins of the web pages that may open event streams. Browsers do not apply CORS to WebSockets. */
    CORS_ORIGINS: origins,
    /** Whether /metrics is served. */
    PUBLIC_PAGES: publicPages,
    /** Limit of open sockets and event streams in this process. */
    MAX_CONNECTIONS: count().default(10_000),
    /** Interval of the position check and of the access check. */
    POSITION_CHECK_MS: duration(100).default(1_000),
    PING_MS: duration().default(25_000),
    PONG_TIMEOUT_MS: duration().default(10_000),
    AUTH_TIMEOUT_MS: duration().default(10_000),
    /** A socket with more unsent bytes is behind: nothing is sent to it until it has drained to CAUGHT_UP_BYTES. */
    BEHIND_BYTES: count().default(256 * 1024),
    CAUGHT_UP_BYTES: count().default(32 * 1024),
    /** A socket with more unsent bytes is terminated; one that is behind for longer than BEHIND_TIMEOUT_MS is closed. */
    MAX_UNSENT_BYTES: count().default(1024 * 1024),
    BEHIND_TIMEOUT_MS: duration().default(30_000),
    /** Time over which a stopping gateway closes its connections; each client may reconnect to another gateway at once. */
    RECONNECT_SPREAD_MS: duration(0).default(5_000),
    SHUTDOWN_GRACE_MS: duration().default(10_000),
    DATABASE_CONNECTIONS: count().default(5),
  })
  .refine(...hasAudience)
  .superRefine(checkRedisSettings);
export type Config = z.infer<typeof Config>;
