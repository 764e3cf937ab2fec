import type { CountedName, LimitChange, Role, UserLimits } from "@boocode/contracts";
import { ownedBy } from "./access.ts";
import { shareCount } from "./shares/list-shares.ts";
import { type Fragment, only, type Sql } from "./sql.ts";

/*
 * Limits that are exact are counted in Postgres. A statement reads what was committed before it began, so that whoever adds
 * something first takes the user's lock, in a statement of its own, and counts in a later one: of two at the limit's edge, the
 * second counts what the first added.
 */

/** A limit that is reached. */
export interface Exceeded {
  limit: CountedName;
  most: number;
  used: number;
}

/** A limit of the user forbids to add this. */
export class QuotaExceeded extends Error {
  override name = "QuotaExceeded";
  readonly exceeded: Exceeded;

  constructor(exceeded: Exceeded) {
    super(`the limit ${exceeded.limit} is reached`);
    this.exceeded = exceeded;
  }
}

/** Whose limits hold for a turn. */
export interface Asker {
  role: Role;
  limits: LimitChange | null;
}

/** What a user's limits count. */
export type Counts = Record<CountedName, number>;

/**
 * Takes the lock of whoever adds something that a user's limits count, until the end of the transaction: late, because all that
 * the user adds waits for it.
 */
export async function lockLimits(sql: Sql, userId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended(${`limits ${userId}`}, 0))`;
}

/** The number of a user's sessions. Those of a deleted project count until they are deleted, in batches. */
const sessionCount = (sql: Sql, userId: string) => sql`
  (select count(*) from sessions own where ${ownedBy(sql, sql`own`, userId)} and own.deleted_at is null)`;

/** Everything that a user's limits count. */
export async function readCounts(sql: Sql, userId: string): Promise<Counts> {
  return only(
    await sql<
      Counts[]
    >`select use.*, ${sessionCount(sql, userId)} as sessions, ${shareCount(sql, userId)} as shares from count_use_1(${userId}) use`,
  );
}

/** What stops a turn between two of its steps. */
export type DayCounts = Pick<Counts, "tokens_per_day" | "tool_calls_per_day" | "bytes_per_day">;

/** How many turns of a user may run, by role; null: any number. */
export type MostRunning = Record<Role, number | null>;

/** No user has as many turns. */
const ANY = 2_147_483_647;

/** An expression over `turns t`: how many turns of its user may run. */
export const mostRunning = (sql: Sql, most: MostRunning) => sql`(
  select case when u.limits ? 'turns_running' then coalesce((u.limits->>'turns_running')::bigint, ${ANY}::bigint)
    else case u.role when 'admin' then ${most.admin ?? ANY}::bigint else ${most.user ?? ANY}::bigint end end
  from users u where u.id = t.owner_id)`;

/** Who asked a turn's question, as `limitsOf` needs it: an expression over `turns t`. */
export const askerOf = (sql: Sql) => sql`(
  select jsonb_build_object('role', u.role, 'limits', u.limits) from users u where u.id = t.owner_id)`;

/** A condition on a statement that adds a session: the user's limit allows one more. */
export const hasRoomForSession = (sql: Sql, userId: string, most: number | null) =>
  most === null ? sql`true` : sql`${sessionCount(sql, userId)} < ${most}::bigint`;

/** @returns the first limit that is reached, of those that are counted; null: none is */
export function findExceeded<C extends Partial<Counts>>(
  counts: C,
  limits: Pick<UserLimits, CountedName>,
  names: (CountedName & keyof C)[],
): Exceeded | null {
  for (const limit of names) {
    const [most, used] = [limits[limit], counts[limit] ?? 0];
    if (most !== null && used >= most) return { limit, most, used };
  }
  return null;
}

/** @returns the first limit that the counts are over once `more` is added to each; null: none is */
export function findOver<N extends CountedName>(
  counts: Pick<Counts, N>,
  limits: Pick<UserLimits, CountedName>,
  names: readonly N[],
  more: number,
): Exceeded | null {
  for (const limit of names) {
    const [most, used] = [limits[limit], counts[limit]];
    if (most !== null && used + more > most) return { limit, most, used };
  }
  return null;
}

/** How many changes one statement adds. */
const CHANGES_AT_ONCE = 10_000;

/**
 * Adds what was counted in `storage_changes` to the users' rows, so that few changes are read with each post. A reader sees a change
 * once, before or after.
 * @returns whether more may be left
 */
export async function addStorageChanges(sql: Sql): Promise<boolean> {
  const [done] = await sql<{ count: number }[]>`
    with added as (
      delete from storage_changes where id in (
        select id from storage_changes order by id limit ${CHANGES_AT_ONCE} for update skip locked)
      returning *
    ), sums as (
      select user_id, sum(bytes)::bigint as bytes, max(day) as day from added group by user_id
    ), days as (
      select s.*, sum(a.day_bytes)::bigint as day_bytes, sum(a.day_tool_calls)::bigint as day_tool_calls
      from sums s join added a on a.user_id = s.user_id and a.day = s.day group by s.user_id, s.bytes, s.day
    ), stored as (
      insert into user_storage as u (user_id, bytes, day, day_bytes, day_tool_calls)
      select user_id, bytes, day, day_bytes, day_tool_calls from days order by user_id
      on conflict (user_id) do update set bytes = u.bytes + excluded.bytes, day = greatest(u.day, excluded.day),
        day_bytes = ${daily(sql, sql`day_bytes`)}, day_tool_calls = ${daily(sql, sql`day_tool_calls`)}
    )
    select count(*) from added`;
  return done?.count === CHANGES_AT_ONCE;
}

/** Of two rows of a user, `u` and `excluded`, the sum of a column on the later of their days. */
const daily = (sql: Sql, column: Fragment) => sql`
  case when u.day >= excluded.day then u.${column} else 0 end + case when excluded.day >= u.day then excluded.${column} else 0 end`;
