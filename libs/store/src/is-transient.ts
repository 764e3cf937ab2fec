/** Connection errors of the client library and of Node's sockets. */
const CODES = new Set([
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
  return CODES.has(code) || /^(08|40|53|57P0)/.test(code) || ["57014", "55P03", "25P03"].includes(code);
}
