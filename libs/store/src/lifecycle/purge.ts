import { keepVersionsOf } from "../sharing/list-versions.ts";
import { milliseconds, only, type Pool, type Sql } from "../sql.ts";

/*
 * Deleting only marks rows. The purge removes them, after a time, in batches of which each is a short transaction: it skips what
 * is locked, takes no row of a turn that has not ended, and at most one process purges at a time.
 */

export interface PurgeRule {
  /** The time from the deletion to the purge. */
  afterMs: number;
  /** How long a frame log may live. A log holds the texts of its turn, and only the rows say which of them were deleted. */
  frameLogMs: number;
}

/** Key of the advisory lock of whoever purges. */
const LOCK = 7_266_264;

/** Sessions of one batch. */
const SESSIONS_AT_ONCE = 50;
/** Rows that one batch removes. A message can have a long text in many pieces, so a batch may take some 50 ms. */
const ROWS_AT_ONCE = 200;

/** Removes one batch. @returns how many rows were removed; 0 when nothing is left; null when another process purges */
export async function purgeBatch(pool: Pool, rule: PurgeRule): Promise<number | null> {
  return await pool.begin(async (sql) => {
    const { mine } = only(await sql<{ mine: boolean }[]>`select pg_try_advisory_xact_lock(${LOCK}) as mine`);
    if (!mine) return null;
    return (
      (await purgeSessions(sql, rule)) ||
      (await purgeMessages(sql, rule)) ||
      (await purgeShares(sql, rule)) ||
      (await purgeProjects(sql, rule)) ||
      (await purgeUsers(sql, rule))
    );
  });
}

/** What refers to other rows goes first: messages, then turns, then the sessions. The next batch finds the same sessions. */
async function purgeSessions(sql: Sql, { afterMs }: PurgeRule): Promise<number> {
  const sessions = await sql<{ id: string }[]>`
    select s.id from sessions s
    where s.deleted_at <= now() - ${milliseconds(sql, afterMs)} and s.live_turns = 0
    order by s.deleted_at, s.id limit ${SESSIONS_AT_ONCE} for update of s skip locked`;
  if (sessions.length === 0) return 0;
  const ids = sessions.map((session) => session.id);
  const messages = await sql`
    delete from messages where id in (
      select m.id from turns t join messages m on m.turn_id = t.id
      where t.session_id = any(${ids}::uuid[]) limit ${ROWS_AT_ONCE})`;
  if (messages.count > 0) return messages.count;
  const turns = await sql`
    delete from turns where id in (select id from turns where session_id = any(${ids}::uuid[]) limit ${ROWS_AT_ONCE})`;
  if (turns.count > 0) return turns.count;
  const { count } = await sql`delete from sessions where id = any(${ids}::uuid[])`;
  // The words of messages go with these.
  await sql`delete from search_words where session_id = any(${ids}::uuid[]) and message_id is null`;
  return count;
}

/** Removes the deleted messages of sessions that live on, and the errors of their turns, which can quote them. */
async function purgeMessages(sql: Sql, { afterMs, frameLogMs }: PurgeRule): Promise<number> {
  const messages = await sql<{ id: string; turn_id: string }[]>`
    select m.id, m.turn_id from messages m join turns t on t.id = m.turn_id
    where m.deleted_at <= now() - ${milliseconds(sql, Math.max(afterMs, frameLogMs))}
      and t.status in ('complete', 'failed', 'cancelled')
    order by m.deleted_at limit ${ROWS_AT_ONCE}`;
  if (messages.length === 0) return 0;
  const turnIds = messages.map((message) => message.turn_id);
  await sql`select from turns where id = any(${turnIds}::uuid[]) order by id for no key update`;
  const removed = await sql`delete from messages where id = any(${messages.map((message) => message.id)}::uuid[])`;
  await sql`update turns set error = '' where id = any(${turnIds}::uuid[]) and error <> ''`;
  return removed.count;
}

/** Those that were revoked or have expired. */
async function purgeShares(sql: Sql, { afterMs }: PurgeRule): Promise<number> {
  const removed = await sql`
    delete from shares where id in (
      select id from shares where least(expires_at, revoked_at) <= now() - ${milliseconds(sql, afterMs)}
      order by least(expires_at, revoked_at) limit ${ROWS_AT_ONCE} for update skip locked)`;
  return removed.count;
}

async function purgeProjects(sql: Sql, { afterMs }: PurgeRule): Promise<number> {
  const projects = await sql<{ id: string }[]>`
    select p.id from projects p
    where p.deleted_at <= now() - ${milliseconds(sql, afterMs)} and p.emptied_at is not null
      and not exists (select from sessions s where s.project_id = p.id)
    order by p.id limit ${ROWS_AT_ONCE} for update of p skip locked`;
  const ids = projects.map((project) => project.id);
  if (ids.length === 0) return 0;
  await keepVersionsOf(sql, ids);
  return (await sql`delete from projects where id = any(${ids}::uuid[])`).count;
}

/**
 * Removes what else is stored about a deleted user, once the user's projects are gone. The row stays, without a name, because nobody
 * may get its slug; so do usage and the audit log, and what the user asked in sessions of others.
 */
async function purgeUsers(sql: Sql, { afterMs }: PurgeRule): Promise<number> {
  const [user] = await sql<{ id: string }[]>`
    select u.id from users u
    where u.deleted_at <= now() - ${milliseconds(sql, afterMs)} and u.purged_at is null
      and not exists (select from projects p where p.owner_id = u.id)
      and not exists (select from sessions s where s.owner_id = u.id and s.deleted_at is null)
    order by u.deleted_at limit 1`;
  if (!user) return 0;
  for (const table of ["grants", "shares", "project_members", "user_storage", "storage_changes"])
    await sql`delete from ${sql(table)} where user_id = ${user.id}`;
  // No name can begin with a blank, so that nobody has or can take this one.
  await sql`update users set name = ' ' || id, purged_at = now() where id = ${user.id}`;
  // Last what the deletions before have noted: the user's access ended long ago.
  for (const table of ["api_tokens", "idempotency_keys", "ended_access"])
    await sql`delete from ${sql(table)} where user_id = ${user.id}`;
  return 1;
}
