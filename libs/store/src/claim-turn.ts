import type { CancelReason, RecentCall, Turn } from "@boocode/contracts";
import { recentCalls, type TurnSetting, turnSetting } from "./conversation.ts";
import { milliseconds, type Pool, type Sql, turnColumns } from "./sql.ts";

/** A worker's right to write for a turn: its attempt, told apart from every other by the nonce. */
export interface Fence {
  turnId: string;
  attempt: number;
}

/** A turn as the worker that claimed it holds it. */
export interface ClaimedTurn extends Turn {
  nonce: string;
  owner_id: string;
  /** Attempts that were spent before this one: by a worker that died, or an answer that was cut after words were seen. */
  crashes: number;
  /** The message that an earlier attempt was writing; its text has gone back to nothing, its id stays. */
  streaming_message_id: string | null;
  /** Its worker died under it before and this is its last attempt: it may be what kills workers, and is run apart. */
  is_poison_candidate: boolean;
  /** What must be known before the history can be read: with the claim it costs no round trip. Null: the session is gone. */
  setting: TurnSetting | null;
  /** Newest first. */
  recent_calls: RecentCall[];
}

export interface Claim {
  workerId: string;
  nonce: string;
  leaseMs: number;
  /** A turn is begun so many times. */
  maxAttempts: number;
  /** Whether there is room for a turn that has to be run apart from all others. */
  takesPoisonCandidates: boolean;
}

/**
 * Claims a turn: the next of its session, with none of that session running. Attempt, nonce, lease and the text of the
 * streaming message change in one statement, so that no reader ever sees two attempts' words together (T4).
 * @returns null when there is nothing to claim
 */
export async function claimTurn(pool: Pool, turnId: string, claim: Claim): Promise<ClaimedTurn | null> {
  return await claimWhere(pool, claim, (sql) => sql`t.id = ${turnId}`);
}

/**
 * Claims the turn that is due longest, of the user who has the fewest running: the way to work when the queue has not
 * brought a turn to any worker in time.
 */
export async function claimDueTurn(pool: Pool, claim: Claim): Promise<ClaimedTurn | null> {
  return await claimWhere(pool, claim, (sql) => sql`t.due_at <= now()`);
}

/**
 * Takes over a claim that another process made for this one: a suspect is claimed by a worker and run in a process of its own.
 * Only from here on it counts as begun, so that a death before is not counted against it.
 * @returns null when the turn is no longer held under this fence
 */
export async function takeOverClaim(
  sql: Pool,
  fence: Fence,
  { workerId, leaseMs }: Pick<Claim, "workerId" | "leaseMs">,
): Promise<ClaimedTurn | null> {
  const [turn] = await sql<ClaimedTurn[]>`
    with t as (
      update turns set worker_id = ${workerId}, lease_until = now() + ${milliseconds(sql, leaseMs)}
      where id = ${fence.turnId} and attempt = ${fence.attempt} and status in ('running', 'cancelling') returning *
    )
    select ${claimedColumns(sql)}, true as is_poison_candidate,
      (select m.id from messages m where m.turn_id = t.id and m.status = 'streaming' and m.deleted_at is null limit 1)
        as streaming_message_id
    from t`;
  return turn ?? null;
}

const claimedColumns = (sql: Sql) => sql`
  ${turnColumns(sql)}, t.nonce, t.owner_id, t.crashes, ${turnSetting(sql)} as setting, ${recentCalls(sql)} as recent_calls`;

async function claimWhere(
  pool: Pool,
  claim: Claim,
  which: (sql: Sql) => ReturnType<typeof turnColumns>,
): Promise<ClaimedTurn | null> {
  const isPoisonCandidate = pool`(t.worker_deaths > 0 and t.crashes + 1 >= ${claim.maxAttempts}::int)`;
  try {
    const [turn] = await pool<ClaimedTurn[]>`
      with candidate as (
        select t.id, ${isPoisonCandidate} as is_poison_candidate from turns t
        where t.status = 'queued' and ${which(pool)} and (${claim.takesPoisonCandidates} or not ${isPoisonCandidate})
          and not exists (
            select from turns o where o.session_id = t.session_id
              and (o.status in ('running', 'cancelling') or (o.status = 'queued' and o.ordinal < t.ordinal)))
        order by (select count(*) from turns r where r.owner_id = t.owner_id and r.status = 'running'), t.due_at
        limit 1 for no key update of t skip locked
      ), t as (
        update turns set status = 'running', attempt = attempt + 1, nonce = ${claim.nonce}, last_seq = 0,
          -- A suspect is nobody's yet: the process that will run it is still to start.
          worker_id = case when (select is_poison_candidate from candidate) then null else ${claim.workerId} end,
          lease_until = now() + ${milliseconds(pool, claim.leaseMs)},
          started_at = coalesce(started_at, clock_timestamp())
        where id = (select id from candidate) returning *
      ), reset as (
        update messages m set content = '', reasoning = null, tool_calls = null, last_seq = 0
        from t where m.turn_id = t.id and m.status = 'streaming' and m.deleted_at is null returning m.id
      )
      select ${claimedColumns(pool)}, (select id from reset limit 1) as streaming_message_id,
        (select is_poison_candidate from candidate) as is_poison_candidate
      from t`;
    return turn ?? null;
  } catch (error) {
    // Another turn of the session was claimed at the same instant: the partial unique index decided (T7).
    if ((error as { code?: string }).code === "23505") return null;
    throw error;
  }
}

export interface HeldTurn {
  cancel: CancelReason | null;
  /** False when somebody else has its row locked at this moment: it is still held, and is to be renewed again soon. */
  isRenewed: boolean;
}

/**
 * The heartbeat of a process: renews the leases of all its turns in one statement and brings back what was asked of them. It
 * waits for no row: one that is locked for long would otherwise cost all the others their leases (T5).
 * @returns an entry for each turn that is still held; one that is missing has lost its fence and must stop
 */
export async function renewLeases(sql: Pool, held: Fence[], leaseMs: number): Promise<Map<string, HeldTurn>> {
  const isHeld = sql`t.id = h.id and t.attempt = h.attempt and t.status in ('running', 'cancelling')`;
  const rows = await sql<(HeldTurn & { id: string })[]>`
    with h as (
      select * from unnest(${held.map((fence) => fence.turnId)}::uuid[], ${held.map((fence) => fence.attempt)}::int[])
        as h (id, attempt)
    ), free as (
      select t.id from turns t join h on ${isHeld} order by t.id for no key update of t skip locked
    ), renewed as (
      update turns set lease_until = now() + ${milliseconds(sql, leaseMs)} from free where turns.id = free.id
      returning turns.id, turns.status, turns.cancel_reason
    )
    select t.id, renewed.id is not null as "isRenewed",
      case coalesce(renewed.status, t.status) when 'cancelling' then coalesce(renewed.cancel_reason, t.cancel_reason) end as cancel
    from turns t join h on ${isHeld} left join renewed on renewed.id = t.id`;
  return new Map(rows.map(({ id, ...state }) => [id, state]));
}
