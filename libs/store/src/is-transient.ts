/** Errors of the client library and of sockets that nothing but a lost connection has; others must have ended a query. */
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
 * The database was away, stopping, full or in a knot, and the same statement may succeed later: SQLSTATE classes 08
 * (connection), 40 (deadlock, serialization), 53 (resources), 57P0x (shutdown, starting up), 57014, 55P03 and 25P03 (time limits of a
 * statement, a lock and a transaction).
 */
export function isTransient(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== "string") return (error as { name?: string } | null)?.name === "DeadlineExceeded";
  if (/^(08|40|53|57P0)/.test(code) || ["57014", "55P03", "25P03"].includes(code)) return true;
  // The client adds the query to whatever ended one. A name that is not resolved, a host or a socket that is not there just
  // now: that is how a database in a container looks while it is restarted.
  return NETWORK.has(code) || (/^E[A-Z]/.test(code) && "query" in (error as object));
}
