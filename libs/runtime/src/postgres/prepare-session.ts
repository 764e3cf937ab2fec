// PURE

import type { PostgresTarget } from "./postgres-target.ts";

/**
 * Set in every session, because defaults of the server, the database, the role or the connection string could change the format
 * of values, the isolation level and time-outs.
 */
const SETTINGS: Record<string, string> = {
  idle_session_timeout: "0",
  DateStyle: "ISO, MDY",
  TimeZone: "UTC",
  IntervalStyle: "postgres",
  extra_float_digits: "1",
  bytea_output: "hex",
  array_nulls: "on",
  standard_conforming_strings: "on",
  default_transaction_isolation: "read committed",
  default_transaction_deferrable: "off",
  row_security: "on",
  // All statements are short: compiling one takes 50 ms and more, which Postgres chooses by its estimate of rows, not by what it finds.
  jit: "off",
};
/** Postgres 17 or newer. */
const TRANSACTION_TIMEOUT = "transaction_timeout";

/** A schema that has these tables is ours. */
const LANDMARKS = ["schema_migrations", "turns"];

/** The JSON that the query `FACTS` returns. */
export interface SessionFacts {
  /** Identifies the server's process: two sessions with the same text share a process. */
  process: string;
  pid: number;
  isReplica: boolean;
  isReadOnly: boolean;
  encoding: string;
  /** The schemas that `search_path` names and that exist. */
  path: string[];
  /** Of these schemas and `public`, those that have our tables. */
  homes: string[];
}

export const PROCESS =
  "select pid || ' ' || extract(epoch from backend_start) from pg_stat_get_activity(pg_backend_pid())";

export const FACTS = `select json_build_object(
  'process', (${PROCESS}), 'pid', pg_backend_pid(), 'isReplica', pg_is_in_recovery(),
  'isReadOnly', current_setting('transaction_read_only') = 'on', 'encoding', current_setting('server_encoding'),
  'path', current_schemas(false), 'homes', array(select n.nspname from pg_namespace n
    where n.nspname = any(current_schemas(false) || array['public'::name]) and ${LANDMARKS.length} = (select count(*)
      from pg_class c where c.relnamespace = n.oid and c.relname in (${LANDMARKS.map(quote).join(", ")}))))`;

/**
 * @returns the statement that applies our settings to a new session
 * @throws Error when the server has the wrong role, or its database an unsuitable encoding or search_path
 */
export function settingsFor(
  facts: SessionFacts,
  target: Pick<PostgresTarget, "role" | "settings" | "searchPath">,
  statementMs: number,
): string {
  const isWrong = target.role !== "any" && (facts.isReplica || (target.role === "read-write" && facts.isReadOnly));
  if (isWrong) {
    const text = "the database server is a replica or read-only, and BooCode writes";
    // The code makes the client reconnect: another server may match, or this one a moment later.
    throw Object.assign(new Error(text), { code: "CONNECTION_CLOSED", reason: "read_only" });
  }
  if (facts.encoding !== "UTF8") {
    throw new Error(
      `the database's encoding is ${facts.encoding}, which cannot hold every text: create one with ENCODING 'UTF8' TEMPLATE template0`,
    );
  }
  const searchPath = target.searchPath ?? quoteName(homeSchema(facts));
  const own = {
    ...SETTINGS,
    statement_timeout: `${statementMs}`,
    lock_timeout: `${Math.max(0, statementMs - 1_000)}`,
    idle_in_transaction_session_timeout: `${statementMs}`,
    search_path: searchPath,
  };
  const all = [...target.settings, ...Object.entries(own)];
  const calls = all.map(([name, value]) => `set_config(${quote(name)}, ${quote(value)}, false)`);
  const late = `case when current_setting('${TRANSACTION_TIMEOUT}', true) is not null
    then set_config('${TRANSACTION_TIMEOUT}', '0', false) end`;
  return `select ${[...calls, late].join(", ")}`;
}

/**
 * The schema of our tables. A default `search_path` that changed after the migration must neither hide them nor put another
 * application's tables of the same names first.
 */
function homeSchema({ path, homes }: SessionFacts): string {
  const home = path.find((schema) => homes.includes(schema));
  const first = path.find((schema) => schema !== "pg_catalog" && schema !== "information_schema");
  if (home !== undefined) return home;
  if (first === undefined) return "public";
  if (homes.includes("public")) {
    throw new Error(
      `search_path of the database or the role begins with ${first}, but BooCode's tables are in public: add ?search_path=public to DATABASE_URL, or ?search_path=${first} for another set of tables`,
    );
  }
  return first;
}

function quote(text: string): string {
  const doubled = text.replaceAll("'", "''");
  // In an E string, a backslash does not depend on standard_conforming_strings.
  return text.includes("\\") ? ` E'${doubled.replaceAll("\\", "\\\\")}'` : `'${doubled}'`;
}

function quoteName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
