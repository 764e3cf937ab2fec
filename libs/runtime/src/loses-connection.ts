import type postgres from "postgres";

/** A FATAL error of the server ends the session; an error of the socket or of the client means that it has ended. */
export function losesConnection(error: unknown): boolean {
  const { severity, code } = error as Partial<postgres.PostgresError>;
  if (severity) return severity !== "ERROR";
  // The client adds the query to every error that ended one; what the caller's own code throws has none.
  return "query" in (error as object) && /^(CONNECTION_|CONNECT_|E)/.test(String(code));
}
