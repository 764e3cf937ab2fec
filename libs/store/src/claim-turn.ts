import type { CancelReason, RecentCall, Turn, UsageEntry } from "@boocode/contracts";
import { recentCalls, type TurnSetting, turnSetting } from "./conversation.ts";
import { fairQueue, isPausing } from "./fair-queue.ts";
import { type Asker, askerOf, type MostRunning, mostRunning } from "./limits.ts";
import { type Fragment, milliseconds, type Pool, type Sql, turnColumns } from "./sql.ts";
import { statusByKey } from "./turn-status.ts";

/** The fencing token that every write of a worker carries: the turn and its attempt. */
export interface Fence {
  turnId: string;
  attempt: number;
}

/** A claimed turn, with everything that its worker needs to run it. */
export interface ClaimedTurn extends Turn {
  nonce: string;
  owner_id: string;
  /** Attempts that were lost to the death of their worker. */
  crashes: number;
  /** Replies of the turn's current step that the model server cut. */
  cuts: number;
  /** The message that an earlier attempt was writing. It keeps its id; its text was emptied by the claim. */
  streaming_message_id: string | null;
  /** A worker died while it ran this turn, and this is the last attempt. The turn may kill its worker, so it runs isolated. */
  is_poison_candidate: boolean;
  /** Read with the claim to save a round trip. Null when the session or its project was deleted. */
  setting: TurnSetting | null;
  /** Newest first. */
  recent_calls: RecentCall[];
  /** What the model calls of the earlier attempts have used. */
  usage: UsageEntry[];
  asker: Asker;
}

export interface Claim {
  workerId: string;
  nonce: string;
  leaseMs: number;
  /** Attempts after which a turn fails. */
  maxAttempts: number;
  /** Whether the worker has room for an isolated turn. */
  takesPoisonCandidates: boolean;
  /** Users who hold as many of this worker's slots as one user may. */
  usersAtLimit: readonly string[];
  /** How many turns of one user may run, on all workers together. Absent or null: nobody is limited. */
  mostRunning?: MostRunning | null;
}

/** Which queued turns a claim may take. */
export type Claimable =
  /** Those that the queue did not bring to a worker in time. */
  | { kind: "due" }
  /** Also those that the queue may bring to another worker, and the one that a wake-up names. */
  | { kind: "waiting"; woken: string | null };

/**
 * Claims the next turn in the fair order, among those that are the next of their session while no turn of that session runs.
 * Attempt, nonce, lease and the text of the streaming message change in one statement, so that no reader sees the text of two
 * attempts together (T4). Of two claims at the same moment, each by its own snapshot, one may give a user a slot more than is
 * fair; the next slot evens it out.
 * @returns null when no turn can be claimed
 */
export async function claimNextTurn(pool: Pool, which: Claimable, claim: Claim): Promise<ClaimedTurn | null> {
  const isDue = pool`t.due_at <= now()`;
  const isWaiting = (woken: string | null) => pool`(not ${isPausing(pool)} or t.id = ${woken})`;
  return await claimWhere(pool, claim, which.kind === "due" ? isDue : isWaiting(which.woken));
}

/**
 * Takes over the claim that a worker made for this process, which runs an isolated turn. The attempt counts as started only
 * from here on, so that a process that dies before this point does not spend it.
 * @returns null when the fence is lost
 */
export async function takeOverClaim(
  sql: Pool,
  fence: Fence,
  { workerId, leaseMs }: Pick<Claim, "workerId" | "leaseMs">,
): Promise<ClaimedTurn | null> {
  const [turn] = await sql<ClaimedTurn[]>`
    with t as (
      update turns set worker_id = ${workerId}, lease_until = now() + ${milliseconds(sql, leaseMs)}
      where id = ${fence.turnId} and attempt = ${fence.attempt} and ${statusByKey(sql)} in ('running', 'cancelling') returning *
    )
    select ${claimedColumns(sql)}, true as is_poison_candidate,
      (select m.id from messages m where m.turn_id = t.id and m.status = 'streaming' and m.deleted_at is null limit 1)
        as streaming_message_id
    from t`;
  return turn ?? null;
}

const claimedColumns = (sql: Sql) => sql`
  ${turnColumns(sql)}, t.nonce, t.owner_id, t.crashes, t.cuts, t.usage, ${askerOf(sql)} as asker, ${turnSetting(sql)} as setting, ${recentCalls(sql)} as recent_calls`;

async function claimWhere(pool: Pool, claim: Claim, mayClaim: Fragment): Promise<ClaimedTurn | null> {
  const isPoisonCandidate = pool`(t.worker_deaths > 0 and t.crashes + 1 >= ${claim.maxAttempts}::int)`;
  const condition = pool`
    ${mayClaim} and (${claim.takesPoisonCandidates} or not ${isPoisonCandidate})
    and t.owner_id <> all(${claim.usersAtLimit}::uuid[])
    ${claim.mostRunning ? pool`and t.held < ${mostRunning(pool, claim.mostRunning)}` : pool``}`;
  const claimOne = () => pool<ClaimedTurn[]>`
      with candidate as (
        select t.id, ${isPoisonCandidate} as is_poison_candidate
        from turns t join (${fairQueue(pool, condition)}) queue using (id)
        where t.status = 'queued'
        order by queue.share, queue.due_at
        limit 1 for no key update of t skip locked
      ), t as (
        update turns set status = 'running', attempt = attempt + 1, nonce = ${claim.nonce}, last_seq = 0,
          usage_has_draft = false, run_slot = ${claim.mostRunning ? freeSlot(pool) : null},
          -- A poison candidate has no worker yet: the process that will run it has not started.
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
  for (;;) {
    try {
      const [turn] = await claimOne();
      return turn ?? null;
    } catch (error) {
      const { code, constraint_name } = error as { code?: string; constraint_name?: string };
      if (code !== "23505") throw error;
      // Another turn of the session was claimed at the same time, and the partial unique index decided (T7).
      if (constraint_name !== "one_turn_per_run_slot") return null;
      // Another turn of the user was, and took the same place; it is committed now, so that this claim sees it.
    }
  }
}

/** An expression over the updated `turns`: the lowest place that no running turn of the user has. It is at most the user's limit. */
const freeSlot = (sql: Sql) => sql`(
  select min(slot) from generate_series(1, 1 + (
      select count(*) from turns r where r.owner_id = turns.owner_id and r.status in ('running', 'cancelling'))) slot
  where not exists (
    select from turns r
    where r.owner_id = turns.owner_id and r.run_slot = slot and r.status in ('running', 'cancelling')))`;

/** The state of a turn whose fence still holds. */
export interface HeldTurn {
  /** Why the turn is being cancelled; null when it is not. */
  cancel: CancelReason | null;
  /** False when another transaction has locked the row: the turn is still held, and the next heartbeat must renew it. */
  isRenewed: boolean;
}

/**
 * The heartbeat of a process: renews the leases of all its turns and reads their cancel requests, in one statement. It skips
 * locked rows, because waiting for one row could cost all other turns their leases (T5).
 * @returns the turns that are still held; a missing turn has lost its fence and must stop
 */
export async function renewLeases(sql: Pool, held: Fence[], leaseMs: number): Promise<Map<string, HeldTurn>> {
  const isHeld = sql`t.id = h.id and t.attempt = h.attempt and ${statusByKey(sql, sql`t`)} in ('running', 'cancelling')`;
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
