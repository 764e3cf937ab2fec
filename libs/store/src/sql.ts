import { setTimeout as delay } from "node:timers/promises";
import type postgres from "postgres";

/*
 * Lock order of every transaction: the lock of an idempotency key, grants, sessions (by id), project_members, turns (by id), the lock
 * of a user's limits (limits.ts), messages, projects (by id), users (by id), tokens. A transaction may skip a level, but never takes a
 * new lock on an earlier one. Only `addStorageChanges` locks user_storage.
 */

/** For functions that open a transaction. */
export type Pool = postgres.Sql<Record<string, unknown>>;

/** A pool or a transaction, for functions that open none. */
export type Sql = Pool | postgres.TransactionSql<Record<string, unknown>>;

/** A part of a statement. */
export type Fragment = postgres.PendingQuery<postgres.Row[]>;

/** A duration as a Postgres interval. Deadlines and leases are computed with the database's clock only. */
export const milliseconds = (sql: Sql, ms: number) => sql`make_interval(secs => ${ms / 1000})`;

/** @returns the first row of a statement that always returns one */
export function only<T>(rows: readonly T[]): T {
  const row = rows[0];
  if (row === undefined) throw new Error("a statement that always returns a row returned none");
  return row;
}

/** A row of `users u` in the shape of the contract's UserRef. */
export const refOfUser = (sql: Sql) => sql`jsonb_build_object('id', u.id, 'name', u.name)`;

/** Deadlock and serialization failure: the server has rolled the transaction back, and the same one may succeed now. */
const CONFLICT = new Set(["40001", "40P01"]);
const MAX_CONFLICTS = 5;

/** Runs a statement that is a whole transaction, and again after a conflict with others, as `begin` does. */
export async function wholeTransaction<T>(run: () => PromiseLike<T>): Promise<T> {
  for (let conflicts = 1; ; conflicts++) {
    try {
      return await run();
    } catch (error) {
      if (!CONFLICT.has((error as { code?: string }).code ?? "") || conflicts > MAX_CONFLICTS) throw error;
      await delay(Math.random() * 20 * 2 ** conflicts);
    }
  }
}

/** A row that a statement returns as JSON, with timestamps as those of columns. */
export function rowOf<T extends object>(json: T): T {
  const asColumn = (name: string, value: unknown) =>
    name.endsWith("_at") && typeof value === "string" ? new Date(value).toISOString() : value;
  return Object.fromEntries(Object.entries(json).map(([name, value]) => [name, asColumn(name, value)])) as T;
}

/** A user in the shape of the contract's UserRef. */
export const userRef = (sql: Sql, id: Fragment) => sql`
  (select ${refOfUser(sql)} from users u where u.id = ${id})`;

/** The columns of `messages m` in the shape of the contract's Message. */
export const messageColumns = (
  sql: Sql,
  { content, reasoning, toolCalls } = {
    content: sql`m.content`,
    reasoning: sql`m.reasoning`,
    toolCalls: sql`m.tool_calls`,
  },
) => sql`
  m.id, m.session_id, m.turn_id, m.turn_ordinal, m.position, m.role,
  case when m.role = 'user' then ${userRef(sql, sql`coalesce(m.author_id, m.owner_id)`)} end as author,
  ${content} as content, ${reasoning} as reasoning, ${toolCalls} as tool_calls, m.tool_result,
  m.status, m.finish_reason, m.model, m.tokens_used, m.ctx_used, m.ctx_max, m.context, m.citations, m.created_at, m.started_at, m.finished_at,
  case when m.error_code is null then null
    else jsonb_build_object('code', m.error_code, 'message', m.error) end as error`;

/** The columns of `turns t` in the shape of the contract's Turn. */
export const turnColumns = (sql: Sql) => sql`
  t.id, t.session_id, t.ordinal, t.status, t.attempt, t.cancel_reason, t.created_at, t.started_at, t.finished_at,
  case when t.error_code is null then null
    else jsonb_build_object('code', t.error_code, 'message', t.error) end as error`;

/** The columns of `sessions s` in the shape of the contract's Session. */
export const sessionColumns = (sql: Sql) => sql`${summaryColumns(sql)}, s.system_prompt`;

/** The columns of `sessions s` in the shape of the contract's SessionSummary. @param owner the session's, where it is known */
export const summaryColumns = (sql: Sql, owner = userRef(sql, sql`s.owner_id`)) => sql`
  s.id, s.project_id, ${owner} as owner, s.name, s.auto_named, s.model, s.tools_ignored, s.version, s.created_at, s.updated_at,
  s.live_turns > 0 as busy`;
