// PURE

import { NotReadyReason } from "@boocode/contracts";

/** SQLSTATEs, by their longest known prefix. https://www.postgresql.org/docs/current/errcodes-appendix.html */
const BY_SQLSTATE: Record<string, NotReadyReason> = {
  "08": "unreachable",
  "25006": "read_only",
  "28": "authentication_failed",
  "3D": "database_missing",
  "3F": "schema_outdated",
  "42501": "permission_denied",
  "42703": "schema_outdated",
  "42704": "schema_outdated",
  "42883": "schema_outdated",
  "42P01": "schema_outdated",
  "53100": "disk_full",
  "53200": "out_of_memory",
  "53300": "too_many_connections",
  "55P03": "timed_out",
  "57014": "timed_out",
  "57P": "unreachable",
  "57P03": "starting",
  "58030": "disk_full",
};

/** Codes of system errors. All others mean `unreachable`. */
const BY_SYSTEM_ERROR: Record<string, NotReadyReason> = {
  EACCES: "permission_denied",
  EDQUOT: "disk_full",
  ENOSPC: "disk_full",
  EPERM: "permission_denied",
  EROFS: "read_only",
};

/** The first word of a Redis error reply. */
const BY_REPLY: Record<string, NotReadyReason> = {
  ASK: "wrong_node",
  BUSY: "busy",
  CLUSTERDOWN: "wrong_node",
  CROSSSLOT: "wrong_node",
  LOADING: "starting",
  MASTERDOWN: "read_only",
  MISCONF: "disk_full",
  MOVED: "wrong_node",
  NOAUTH: "authentication_failed",
  NOPERM: "permission_denied",
  NOREPLICAS: "read_only",
  OOM: "out_of_memory",
  READONLY: "read_only",
  TRYAGAIN: "wrong_node",
  UNBLOCKED: "read_only",
  WRONGPASS: "authentication_failed",
};

/** Redis 6.2 wraps the error of a command in a script: `ERR Error running script (call to f_…): @user_script:1: -OOM command not …`. */
const IN_SCRIPT = /^ERR Error running script.*?-(?=[A-Z]{3,} )/;
/** Redis 7's wording of NOPERM for a command in a script. */
const SCRIPT_MAY_NOT = /^ERR The user executing the script can't /;

function reasonOfReply(message: string): NotReadyReason {
  if (SCRIPT_MAY_NOT.test(message)) return "permission_denied";
  return BY_REPLY[/^[A-Z]+/.exec(message.replace(IN_SCRIPT, ""))?.[0] ?? ""] ?? "failed";
}

/** ioredis's errors when a command has no connection, or a connection finds no server. */
const NO_CONNECTION =
  /^(Connection is closed|Stream isn't writeable|Reached the max retries per request limit|Cluster isn't ready|Cluster is ended|Too many Cluster redirections|None of startup nodes|Failed to refresh slots cache|All sentinels are unreachable|failed to connect to sentinel|connected to sentinel)/;

/** Replies of a Sentinel to ordinary commands, and of a Redis without cluster mode to cluster commands. */
const WRONG_SERVER = /^ERR (unknown command|This instance has cluster support disabled)/;

interface Failure {
  name: string;
  message: string;
  code: unknown;
}

function asFailure(error: unknown): Failure {
  const { name = "", message = "", code } = (error ?? {}) as { name?: unknown; message?: unknown; code?: unknown };
  return { name: String(name), message: String(message), code };
}

export type DependencyName = "postgres" | "redis";

/** @returns which dependency an error of its client reports; null for every other error */
export function dependencyOf(error: unknown): DependencyName | null {
  const { name, message } = asFailure(error);
  if (name === "PostgresError" || (typeof error === "object" && error !== null && "query" in error)) return "postgres";
  // ioredis states a time-out and a missing connection only in words.
  if (name === "ReplyError" || message === "Command timed out" || NO_CONNECTION.test(message)) return "redis";
  return null;
}

/** @param error of a client, or of a check, which may state its own `reason` */
export function reasonOf(error: unknown): NotReadyReason {
  const own = NotReadyReason.safeParse((error as { reason?: unknown } | null)?.reason);
  if (own.success) return own.data;
  const { name, message, code } = asFailure(error);
  if (WRONG_SERVER.test(message)) return "wrong_node";
  if (name === "ReplyError") return reasonOfReply(message);
  if (name === "DeadlineExceeded" || message === "Command timed out") return "timed_out";
  if (NO_CONNECTION.test(message)) return "unreachable";
  if (typeof code !== "string") return "failed";
  if (code === "ETIMEDOUT" || code === "CONNECT_TIMEOUT") return "timed_out";
  const ofSystem = BY_SYSTEM_ERROR[code];
  if (ofSystem !== undefined) return ofSystem;
  if (/^(E[A-Z]{3}|CONNECTION_)/.test(code)) return "unreachable";
  const known = Object.keys(BY_SQLSTATE).filter((prefix) => code.startsWith(prefix));
  const longest = known.sort((a, b) => b.length - a.length)[0];
  return longest === undefined ? "failed" : (BY_SQLSTATE[longest] as NotReadyReason);
}
