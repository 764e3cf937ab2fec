import { commonEnv, count, duration, port } from "@boocode/runtime";
import { z } from "zod";

/** The gateway's environment. Durations are in milliseconds. */
export const Config = z.object({
  ...commonEnv,
  PORT: port.default(0),
  /** Sockets and event streams at once in this process. */
  MAX_CONNECTIONS: count().default(10_000),
  /** How often what subscribers have seen is compared with Postgres. */
  POSITION_CHECK_MS: duration(100).default(1_000),
  PING_MS: duration().default(25_000),
  PONG_TIMEOUT_MS: duration().default(10_000),
  AUTH_TIMEOUT_MS: duration().default(10_000),
  /** A socket with more than this unsent gets no more deltas until it has read. */
  BEHIND_BYTES: count().default(256 * 1024),
  CAUGHT_UP_BYTES: count().default(32 * 1024),
  /** A socket with more than this unsent, or behind for longer than BEHIND_TIMEOUT_MS, is ended. */
  MAX_UNSENT_BYTES: count().default(1024 * 1024),
  BEHIND_TIMEOUT_MS: duration().default(30_000),
  /** When the gateway stops, its clients come back spread over this time. */
  RECONNECT_SPREAD_MS: duration(0).default(5_000),
  SHUTDOWN_GRACE_MS: duration().default(10_000),
  DATABASE_CONNECTIONS: count().default(5),
});
export type Config = z.infer<typeof Config>;
