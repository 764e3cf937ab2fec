import type { Epoch, Message, Turn } from "@boocode/contracts";
import { existingSession, readableSession } from "./access.ts";
import { planSnapshots } from "./plan-page.ts";
import { readCut, readSizes } from "./read-messages.ts";
import { type Pool, type Sql, turnColumns } from "./sql.ts";
import { statusByKey } from "./turn-status.ts";

/** The position of a turn in Postgres: its epoch, and the newest frame whose content is committed. */
export interface TurnPosition {
  ordinal: number;
  attempt: number;
  nonce: string;
  last_seq: number;
}

/** Reads the newest turn that a worker has claimed: the one whose frames the session's subscribers follow. */
export async function readCurrentTurn(sql: Sql, sessionId: string): Promise<TurnPosition | null> {
  const [turn] = await sql<TurnPosition[]>`
    select ordinal, attempt, nonce, last_seq from turns
    where session_id = ${sessionId} and attempt > 0 order by ordinal desc limit 1`;
  return turn ?? null;
}

export interface SessionPosition {
  session_id: string;
  version: number;
  /** null until a turn is claimed. */
  turn: (TurnPosition & { ended: boolean }) | null;
  /** A turn of the session is queued, running or cancelling: only then its position changes while its version does not. */
  is_live: boolean;
  /** A turn of the session is queued. */
  has_queued: boolean;
}

/** A session, and its position when it was last read; null: it was not. */
export interface WatchedSession {
  id: string;
  last: SessionPosition | null;
}

/**
 * Reads the positions of several sessions in one query, as far as they can have changed: those of sessions that have a live turn, had
 * one, or have another version. A turn is queued together with a new version.
 * @returns null for a deleted session. Nothing tells of a deleted project: see `readEndedAccess`
 */
export async function readPositions(
  sql: Sql,
  watched: readonly WatchedSession[],
): Promise<Map<string, SessionPosition | null>> {
  const quietAt = ({ last }: WatchedSession) => (last && !last.is_live ? last.version : null);
  const rows = await sql<(SessionPosition & { exists: boolean })[]>`
    select w.id as session_id, s.id is not null as exists, s.version, s.live_turns > 0 as is_live, t.turn,
      -- Turns are claimed in order, so that none before the newest claimed one is queued.
      s.live_turns > 0 and exists (
        select from turns q
        where q.session_id = s.id and q.ordinal >= coalesce(t.ordinal, 0) and ${statusByKey(sql, sql`q`)} = 'queued') as has_queued
    from unnest(${watched.map(({ id }) => id)}::uuid[], ${watched.map(quietAt)}::bigint[]) as w (id, quiet_at)
    left join sessions s on s.id = w.id and s.deleted_at is null
    left join lateral (
      select ordinal, jsonb_build_object('ordinal', ordinal, 'attempt', attempt, 'nonce', nonce, 'last_seq', last_seq,
        'ended', status in ('complete', 'failed', 'cancelled')) as turn
      from turns where session_id = s.id and attempt > 0 order by ordinal desc limit 1
    ) t on true
    where s.id is null or s.live_turns > 0 or s.version is distinct from w.quiet_at`;
  return new Map(rows.map(({ exists, ...row }) => [row.session_id, exists ? row : null]));
}

/** A user who follows a session. */
export interface SessionFollower {
  userId: string;
  sessionId: string;
}

/** @returns those, among the given followers, who may not read their session (any more) */
export async function findUnreadable(sql: Sql, followers: SessionFollower[]): Promise<SessionFollower[]> {
  const [userIds, sessionIds] = [followers.map((one) => one.userId), followers.map((one) => one.sessionId)];
  return await sql<SessionFollower[]>`
    select f.user_id as "userId", f.session_id as "sessionId"
    from unnest(${userIds}::uuid[], ${sessionIds}::uuid[]) as f (user_id, session_id)
    where not exists (select from sessions s where s.id = f.session_id and ${readableSession(sql, sql`f.user_id`)})`;
}

/** The state of a turn, which a subscriber gets in place of the frames that it missed. */
export interface TurnSnapshot {
  epoch: Epoch;
  lastSeq: number;
  turn: Turn;
  /** Each shortened where the messages of all turns would be too long together. */
  messages: Message[];
  /** Earlier messages of the turn are left out. */
  isCut: boolean;
  /** Some of its messages were deleted. Its logged frames still contain them and must not be delivered. */
  hasDeletions: boolean;
}

/** A turn with more messages is cut: its snapshot has about this many, the newest. */
const MOST_MESSAGES = 500;
/** The same for each of several turns that are read together. */
const MOST_MESSAGES_OF_SEVERAL = 100;

/**
 * Reads the claimed turns of a session with their messages, oldest first, from one database snapshot: the turns from an ordinal
 * on, and always the newest one.
 * @param limit the maximum number of turns; the newest are kept
 * @returns null when the session was deleted
 */
export async function readTurnsFrom(
  pool: Pool,
  sessionId: string,
  ordinal: number,
  limit: number,
): Promise<{ version: number; turns: TurnSnapshot[] } | null> {
  return await pool.begin("isolation level repeatable read read only", async (sql) => {
    const [session] = await sql<{ version: number }[]>`
      select s.version from sessions s where s.id = ${sessionId} and ${existingSession(sql)}`;
    if (!session) return null;
    const turns = await sql<(Turn & TurnPosition & { has_deletions: boolean })[]>`
      select ${turnColumns(sql)}, t.nonce, t.last_seq,
        exists (select from messages d where d.turn_id = t.id and d.deleted_at is not null) as has_deletions
      from turns t
      where t.session_id = ${sessionId} and t.attempt > 0 and t.ordinal >= least(${ordinal},
        (select max(ordinal) from turns where session_id = ${sessionId} and attempt > 0))
      order by t.ordinal desc limit ${limit}`;
    const most = turns.length > 1 ? MOST_MESSAGES_OF_SEVERAL : MOST_MESSAGES;
    const sizes = await readSizes(
      sql,
      sql`unnest(${turns.map((turn) => turn.id)}::uuid[], ${turns.map((turn) => turn.ordinal)}::int[]) as wanted (id, ordinal)
        cross join lateral (
          select * from messages m where m.session_id = ${sessionId} and m.deleted_at is null
            and m.turn_ordinal = wanted.ordinal and m.turn_id = wanted.id
          order by m.position desc limit ${most + 1}) m`,
    );
    const isCut = (turnId: string) => sizes.filter(({ turn_id }) => turn_id === turnId).length > most;
    const messages = await readCut(sql, planSnapshots(sizes));
    return {
      version: session.version,
      turns: turns
        .map(({ nonce, last_seq, has_deletions, ...turn }) => ({
          epoch: { ordinal: turn.ordinal, attempt: turn.attempt, nonce },
          lastSeq: last_seq,
          turn,
          hasDeletions: has_deletions,
          isCut: isCut(turn.id),
          messages: messages.filter((message) => message.turn_id === turn.id),
        }))
        .reverse(),
    };
  });
}
