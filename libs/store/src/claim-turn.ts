import type { CancelReason, RecentCall, Turn, UsageEntry } from "@boocode/contracts";
import { recentCalls, type TurnSetting, turnSetting } from "./conversation.ts";
import { fairQueue, isPausing } from "./fair-queue.ts";
import { type Asker, askerOf, type DayCounts, type MostRunning, mostRunning } from "./limits.ts";
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
  /**
   * The message that the next step writes: the claim has begun it, or has emptied the one that an earlier attempt was writing. Null
   * in a later attempt whose next step has none.
   */
  streaming_message_id: string | null;
  /** Of a message that the claim has begun: the model that its row names. */
  begun: { model: string | null } | null;
  /** A worker died while it ran this turn, and this is the last attempt. The turn may kill its worker, so it runs isolated. */
  is_poison_candidate: boolean;
  /** Read with the claim to save a round trip. Null when the session or its project was deleted. */
  setting: TurnSetting | null;
  /** Newest first. */
  recent_calls: RecentCall[];
  /** What the model calls of the earlier attempts have used. */
  usage: UsageEntry[];
  asker: Asker;
  /** What the user has used today. */
  used: DayCounts;
}

export interface Claim {
  workerId: string;
  nonce: string;
  leaseMs: number;
  /** Attempts after which a turn fails. */
  maxAttempts: number;
  /** Whether the worker has room for as many isolated turns as it claims turns. */
  takesPoisonCandidates: boolean;
  /** How many of this worker's slots one user may hold, and how many each holds. */
  shares: { most: number; held: ReadonlyMap<string, number> };
  /** How many turns of one user may run, on all workers together. Absent or null: nobody is limited. */
  mostRunning?: MostRunning | null;
  /** For a user's role, the model's name in full by the session's name of it; by "" where the session names none. */
  models?: Partial<Record<string, Record<string, string>>>;
}

/** Which queued turns a claim may take. */
export type Claimable =
  /** Those that the queue did not bring to a worker in time. */
  | { kind: "due" }
  /** Also those that the queue may bring to another worker, and those that wake-ups name. */
  | { kind: "waiting"; woken: readonly string[] };

/**
 * Claims the next turns in the fair order, among those that are the next of their session while no turn of that session runs.
 * Attempt, nonce, lease and the text of the streaming message change in one statement, so that no reader sees the text of two
 * attempts together (T4). Of two claims at the same moment, each by its own snapshot, one may give a user a slot more than is
 * fair; the next slot evens it out.
 * @param most how many turns may be claimed
 * @returns the turns in the fair order
 */
export async function claimTurns(pool: Pool, which: Claimable, claim: Claim, most: number): Promise<ClaimedTurn[]> {
  const mayClaim =
    which.kind === "due"
      ? pool`t.due_at <= now()`
      : pool`(not ${isPausing(pool)} or t.id = any(${which.woken as string[]}::uuid[]))`;
  for (let tries = 1; ; tries++) {
    try {
      return await claimWhere(pool, claim, mayClaim, most);
    } catch (error) {
      const { code, constraint_name } = error as { code?: string; constraint_name?: string };
      // Another turn of a session was claimed at the same time (T7), or another turn of a user took the same place. It is committed
      // now, so that the next try sees it.
      if (code !== "23505" || !RACES.includes(constraint_name ?? "")) throw error;
      if (tries === CLAIM_TRIES) return [];
    }
  }
}

/** The partial unique indexes that decide between claims at the same moment. */
const RACES = ["one_active_turn_per_session", "one_turn_per_run_slot"];
const CLAIM_TRIES = 20;

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
    select ${claimedColumns(sql)}, true as is_poison_candidate, null::jsonb as begun,
      (select m.id from messages m where m.turn_id = t.id and m.status = 'streaming' and m.deleted_at is null limit 1)
        as streaming_message_id
    from t`;
  return turn ?? null;
}

const claimedColumns = (sql: Sql) => sql`
  ${turnColumns(sql)}, t.nonce, t.owner_id, t.crashes, t.cuts, t.usage, ${askerOf(sql)} as asker, ${turnSetting(sql)} as setting,
  ${recentCalls(sql)} as recent_calls, (select to_jsonb(used) from count_day_use_1(t.owner_id) used) as used`;

async function claimWhere(pool: Pool, claim: Claim, mayClaim: Fragment, most: number): Promise<ClaimedTurn[]> {
  const { shares } = claim;
  const isPoisonCandidate = pool`(t.worker_deaths > 0 and t.crashes + 1 >= ${claim.maxAttempts}::int)`;
  const condition = pool`${mayClaim} and (${claim.takesPoisonCandidates} or not ${isPoisonCandidate})`;
  const isModel = pool`coalesce(${pool.json((claim.models ?? {}) as never)}::jsonb
    -> (select u.role from users u where u.id = t.owner_id) ->> coalesce(s.model, ''), s.model)`;
  return await pool<ClaimedTurn[]>`
    with candidate as materialized (
      select t.id, t.owner_id, ${isPoisonCandidate} as is_poison_candidate, queue.share, queue.due_at
      -- Each turn is looked up by its key, in the order of the queue, until there are enough. The planner, which expects few live
      -- turns (see turn-status.ts), would otherwise compare every one with every other.
      from (${fairQueue(pool, condition)} order by share, due_at) queue
      join turns t on t.id = queue.id and ${statusByKey(pool, pool`t`)} = 'queued'
      -- Of several turns of a user, the others may be locked: another worker claims them, and they leave this one its room.
      where case ${most}::int when 1 then 1 else queue.nth end <= ${shares.most}::int - coalesce((
          select count from unnest(${[...shares.held.keys()]}::uuid[], ${[...shares.held.values()]}::int[]) held (id, count)
          where held.id = queue.owner_id), 0)
        ${claim.mostRunning ? pool`and queue.share <= ${mostRunning(pool, claim.mostRunning)}` : pool``}
      order by queue.share, queue.due_at
      limit ${most} for no key update of t skip locked
    ), chosen as (
      select *, row_number() over (partition by owner_id order by share, due_at) as nth from candidate
    ), t as (
      update turns set status = 'running', attempt = attempt + 1, nonce = ${claim.nonce}, last_seq = 0,
        usage_has_draft = false, run_slot = ${claim.mostRunning ? freeSlot(pool) : null},
        -- A poison candidate has no worker yet: the process that will run it has not started.
        worker_id = case when is_poison_candidate then null else ${claim.workerId} end,
        lease_until = now() + ${milliseconds(pool, claim.leaseMs)},
        started_at = coalesce(started_at, clock_timestamp())
      from chosen where turns.id = chosen.id
      returning turns.*, is_poison_candidate, share, chosen.due_at as waited_from
    ), reset as (
      update messages m set content = '', reasoning = null, tool_calls = null, last_seq = 0
      from t where t.attempt > 1 and m.turn_id = t.id and m.status = 'streaming' and m.deleted_at is null returning m.id, m.turn_id
    ), begun as (
      -- So that nothing is written between the claim and the first model call. No frame states the message yet.
      insert into messages (id, session_id, owner_id, turn_id, turn_ordinal, position, step, role, status, model, last_seq, started_at)
      select gen_random_uuid(), t.session_id, t.owner_id, t.id, t.ordinal, 1, 0, 'assistant', 'streaming', ${isModel}, 0, now()
      from t join sessions s on s.id = t.session_id join projects p on p.id = s.project_id
      where t.attempt = 1 and not t.is_poison_candidate and s.deleted_at is null and p.deleted_at is null
      returning id, turn_id, model
    )
    select ${claimedColumns(pool)}, t.is_poison_candidate,
      coalesce((select id from reset where turn_id = t.id limit 1), (select id from begun where turn_id = t.id)) as streaming_message_id,
      (select jsonb_build_object('model', model) from begun where turn_id = t.id) as begun
    from t order by t.share, t.waited_from`;
}

/**
 * An expression over `turns` and `chosen`: the nth lowest place that no running turn of the user has, for the nth turn of the user
 * that is claimed. It is at most the user's limit.
 */
const freeSlot = (sql: Sql) => sql`(
  select slot from generate_series(1, chosen.nth + (
      select count(*) from turns r where r.owner_id = turns.owner_id and r.status in ('running', 'cancelling'))) slot
  where not exists (
    select from turns r
    where r.owner_id = turns.owner_id and r.run_slot = slot and r.status in ('running', 'cancelling'))
  order by slot limit 1 offset chosen.nth - 1)`;

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
