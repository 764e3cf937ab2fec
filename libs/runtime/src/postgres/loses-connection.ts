import type postgres from "postgres";

/**
 * Whether the error means that the connection was lost: a FATAL error of the server, or an error of the socket or the client.
 */
export function losesConnection(error: unknown): boolean {
  const { severity, code } = error as Partial<postgres.PostgresError>;
  if (severity) return severity !== "ERROR";
  // The client adds the query to every error that failed a query; errors thrown by the caller's own code have none.
  return "query" in (error as object) && /^(CONNECTION_|CONNECT_|E)/.test(String(code));
}
