import type { NotReadyReason } from "@boocode/contracts";
import type { Pool } from "./sql.ts";

/** The migrations whose changes this version uses. A test compares them with the folder. */
export const NEEDED_MIGRATIONS = [
  "0001_initial",
  "0002_message_context",
  "0003_worker_deaths",
  "0004_cuts",
  "0005_tools_ignored",
  "0006_identity",
  "0007_grants",
  "0008_sharing",
  "0009_usage",
  "0010_audit",
  "0011_deletion",
  "0012_identities",
  "0013_pages",
  "0014_limits",
  "0015_run_slots",
  "0016_live_turns",
  "0017_count_live_turns",
  "0018_citations",
  "0019_fewer_indexes",
  "0020_ended_access",
  "0021_changed_limits",
  "0022_search",
  "0023_count_evidence",
  "0024_copied_messages",
  "0025_shares",
];

/** The functions that this version calls. A test compares them with the folder. */
export const NEEDED_FUNCTIONS = [
  "add_usage_2",
  "admit_turn_1",
  "cancel_turns_1",
  "close_turn_1",
  "commit_step_2",
  "complete_turns_1",
  "count_day_use_1",
  "count_use_1",
  "end_turn_2",
  "finish_message_2",
  "lock_session_1",
  "name_session_2",
  "post_message_2",
  "queue_turn_1",
];

/**
 * Rejects when the database lacks a migration or a function that this version needs, and, for a process that writes, when it is read-only.
 * A newer schema is accepted, because changes of the schema are additive. Changes nothing.
 */
export async function checkDatabase(sql: Pool, { writes }: { writes: boolean }): Promise<void> {
  const [found] = await sql<[{ versions: string[]; functions: string[] }]>`
    select array(select version::text from schema_migrations) as versions,
      array(select proname::text from pg_proc where pronamespace = to_regnamespace(quote_ident(current_schema()))
        and proname = any(${NEEDED_FUNCTIONS}) and has_function_privilege(oid, 'execute')) as functions`;
  const missing = [
    ...NEEDED_MIGRATIONS.filter((name) => !found.versions.includes(name.split("_")[0] as string)).map(
      (name) => `migration ${name}`,
    ),
    ...NEEDED_FUNCTIONS.filter((name) => !found.functions.includes(name)).map((name) => `function ${name}`),
  ];
  if (missing.length > 0) {
    const reason: NotReadyReason = "schema_outdated";
    throw Object.assign(new Error(`not applied to the database: ${missing.join(", ")}`), { reason });
  }
  // Refused before any row is looked for: 25006 in a read-only database, 42501 without the right.
  if (writes) await sql`update turns set id = id where false`;
}

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
 * serialization failure) and 53 (insufficient resources); 57P0x (shutdown, start-up); 57014, 55P03 and 25P03 (time-outs of a
 * statement, a lock and an idle transaction); and 25006 (read-only: the primary has moved, or is under maintenance). So is every
 * error that ends a connection, such as a refused login (28P01) or a database that takes no connections (55000): it is about the
 * state of the server, not about the statement.
 */
export function isTransient(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== "string") return (error as { name?: string } | null)?.name === "DeadlineExceeded";
  if (["FATAL", "PANIC"].includes((error as { severity?: string }).severity ?? "")) return true;
  if (/^(08|40|53|57P0)/.test(code) || ["57014", "55P03", "25P03", "25006"].includes(code)) return true;
  // Other system errors are transient if they ended a query (the client library adds `query`): while the database's container
  // restarts, its name may not resolve, and its host or socket may be missing.
  return NETWORK.has(code) || (/^E[A-Z]/.test(code) && "query" in (error as object));
}
