/** Error codes of the client library and of sockets that always mean a lost connection. */
const NETWORK = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
  "CONNECT_TIMEOUT",
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
]);

/**
 * Whether the same statement may succeed later. These SQLSTATEs are transient: classes 08 (connection), 40 (deadlock,
 * serialization failure) and 53 (insufficient resources); 57P0x (shutdown, start-up); and 57014, 55P03 and 25P03 (time-outs of
 * a statement, a lock and an idle transaction).
 */
export function isTransient(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== "string") return (error as { name?: string } | null)?.name === "DeadlineExceeded";
  if (/^(08|40|53|57P0)/.test(code) || ["57014", "55P03", "25P03"].includes(code)) return true;
  // Other system errors are transient if they ended a query (the client library adds `query`): while the database's container
  // restarts, its name may not resolve, and its host or socket may be missing.
  return NETWORK.has(code) || (/^E[A-Z]/.test(code) && "query" in (error as object));
}
