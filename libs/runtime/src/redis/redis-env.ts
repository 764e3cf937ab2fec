import { readFileSync } from "node:fs";
import { z } from "zod";
import { InvalidRedisUrl, parseRedisUrl, type RedisAddress } from "./redis-url.ts";

/** @returns the address, or what is wrong with the URL */
function tryParse(url: string): RedisAddress | string {
  try {
    return parseRedisUrl(url);
  } catch (error) {
    if (error instanceof InvalidRedisUrl) return error.message;
    throw error;
  }
}

/** PEM text, or the path of a file with it. */
const pem = z
  .string()
  .optional()
  .transform((value, context) => {
    if (value === undefined) return undefined;
    try {
      const text = value.includes("-----BEGIN ") ? value.replaceAll("\\n", "\n") : readFileSync(value, "utf8");
      if (text.includes("-----BEGIN ")) return text;
    } catch {}
    context.addIssue("must be PEM text, or the path of a PEM file");
    return z.NEVER;
  });

/** `10.0.0.1:6379=proxy:7001`, separated by commas. */
const natMap = z
  .string()
  .optional()
  .transform((text, context) => {
    if (text === undefined) return undefined;
    const map: Record<string, { host: string; port: number }> = {};
    for (const entry of text.split(",")) {
      const [, from, host, port] = /^\s*(\S+:\d{1,5})=(\S+):(\d{1,5})\s*$/.exec(entry) ?? [];
      if (from && host) map[from] = { host, port: Number(port) };
      else {
        context.addIssue("must be pairs such as 10.0.0.1:6379=redis.example:7001, separated by commas");
        return z.NEVER;
      }
    }
    return map;
  });

/** The variables that say where Redis is. */
export const redisEnv = {
  REDIS_URL: z.string("is required").superRefine((text, context) => {
    const parsed = tryParse(text);
    if (typeof parsed === "string") context.addIssue(parsed);
  }),
  /** The authorities that may sign the certificates of Redis, in place of Node's own. */
  REDIS_TLS_CA: pem,
  /** A client certificate, and its key. */
  REDIS_TLS_CERT: pem,
  REDIS_TLS_KEY: pem,
  /** The name that the certificates of Redis must have; default: the host of each connection. */
  REDIS_TLS_SERVER_NAME: z.string().optional(),
  /** The login at the Sentinels, if they have one. */
  REDIS_SENTINEL_USERNAME: z.string().optional(),
  REDIS_SENTINEL_PASSWORD: z.string().optional(),
  /** Where the addresses that a cluster or Sentinels announce can be reached from here. */
  REDIS_NAT_MAP: natMap,
};

export type RedisConfig = z.infer<z.ZodObject<typeof redisEnv>>;

/** Checks a service's whole configuration: settings of Redis that would have no effect are mistakes. */
export function checkRedisSettings(config: RedisConfig, context: z.RefinementCtx): void {
  const address = tryParse(config.REDIS_URL);
  if (typeof address === "string") return;
  const mistake = (name: keyof RedisConfig, message: string) =>
    context.addIssue({ code: "custom", path: [name], message });
  const usesTls = address.tls || (address.mode === "sentinel" && address.sentinelTls);
  for (const name of ["REDIS_TLS_CA", "REDIS_TLS_CERT", "REDIS_TLS_KEY", "REDIS_TLS_SERVER_NAME"] as const) {
    if (config[name] !== undefined && !usesTls)
      mistake(name, "has no effect: REDIS_URL must begin with rediss for TLS");
  }
  if ((config.REDIS_TLS_CERT === undefined) !== (config.REDIS_TLS_KEY === undefined)) {
    mistake("REDIS_TLS_CERT", "must be set together with REDIS_TLS_KEY");
  }
  if (config.REDIS_TLS_CA !== undefined && address.anyCertificate) {
    mistake("REDIS_TLS_CA", "has no effect: ssl_cert_reqs=none in REDIS_URL accepts any certificate");
  }
  for (const name of ["REDIS_SENTINEL_USERNAME", "REDIS_SENTINEL_PASSWORD"] as const) {
    if (config[name] !== undefined && address.mode !== "sentinel") {
      mistake(name, "has no effect: REDIS_URL does not begin with redis+sentinel:// or rediss+sentinel://");
    }
  }
}
