import type { CancelReason, Epoch, TurnEnd, TurnError, UsageEntry } from "@boocode/contracts";
import { usageOfDraft, usageParameter } from "./count-usage.ts";
import { closeTurn, type EndedTurn } from "./end-turn.ts";
import { isPausing } from "./fair-queue.ts";
import { headStart } from "./queueing/queue-turn.ts";
import { milliseconds, type Pool, type Sql } from "./sql.ts";
import { statusByKey } from "./turn-status.ts";

/** Which expired leases mean a dead worker. */
export interface OrphanRule {
  /** Crashes after which a turn fails. */
  maxCrashes: number;
  /**
   * The database's time, in ms since the epoch, after which no expired lease counts. A statement that waited in a stalled
   * database would otherwise find leases that nobody could renew. Null: none counts.
   */
  judgeUntil: number | null;
}

const mayJudge = (sql: Sql, { judgeUntil }: OrphanRule) =>
  sql`clock_timestamp() < to_timestamp(${(judgeUntil ?? 0) / 1_000}::float)`;

/**
 * Puts orphans that have attempts left back into the queue. An attempt without a worker id is not spent: the process that was
 * to run it had not started.
 * @returns the ids of these turns
 */
export async function requeueOrphans(sql: Pool, rule: OrphanRule): Promise<string[]> {
  const rows = await sql<{ id: string }[]>`
    update turns t set status = 'queued', lease_until = null, due_at = now(),
      usage = usage || ${usageOfDraft(sql)}, usage_has_draft = true,
      crashes = crashes + (worker_id is not null)::int, worker_deaths = worker_deaths + (worker_id is not null)::int,
      hand_backs = hand_backs + (worker_id is null)::int
    where id in (
      select id from turns where status = 'running' and lease_until < now()
        and (worker_id is null or (crashes + 1 < ${rule.maxCrashes} and ${mayJudge(sql, rule)}))
      order by id for no key update skip locked)
    returning id`;
  return rows.map((row) => row.id);
}

/** The longest time, in ms, that a wake-up takes to a worker with room. */
const WAKING_MS = 250;

/** What a reconciler has to do. */
export interface OpenWork {
  /** Leases have expired, or a worker is late to end a cancelled turn. */
  hasOrphans: boolean;
  /** A due turn may be claimed. */
  hasDue: boolean;
  /** Turns that may be claimed wait for longer than their wake-ups take: for slots. */
  hasWaiting: boolean;
  /** Projects were deleted whose sessions are left: `findProjectsToEmpty` finds them. */
  hasProjectsToEmpty: boolean;
  /** Texts were written whose words are not: `indexTexts` does that. */
  hasTextsToIndex: boolean;
  /** The time until a lease expires or a queued turn becomes due; null when neither will happen. */
  dueInMs: number | null;
  /** The database's clock, in ms since the epoch. */
  now: number;
}

/**
 * Reads what a reconciler has to do, and when it next has something to do: one pass over the live turns, which is all that a worker
 * asks while there is nothing to do.
 * @param silentMs how long a worker may take to end a cancelled turn
 */
export async function readOpenWork(sql: Pool, silentMs: number): Promise<OpenWork> {
  const [row] = await sql<[OpenWork]>`
    select (extract(epoch from clock_timestamp()) * 1000)::float as now,
      coalesce(bool_or(status <> 'queued' and (lease_until < now()
        or (status = 'cancelling' and cancel_requested_at < now() - ${milliseconds(sql, silentMs)}))), false) as "hasOrphans",
      coalesce(bool_or(status = 'queued' and is_next and due_at <= now()), false) as "hasDue",
      coalesce(bool_or(status = 'queued' and is_next and not ${isPausing(sql)}
        and due_at <= now() + ${headStart(sql)} - ${milliseconds(sql, WAKING_MS)}), false) as "hasWaiting",
      exists (select from projects where deleted_at is not null and emptied_at is null) as "hasProjectsToEmpty",
      exists (select from search_queue) or exists (select from search_backfill) as "hasTextsToIndex",
      (extract(epoch from min(case status when 'queued' then due_at else lease_until end)
        filter (where case status when 'queued' then due_at else lease_until end > now()) - now()) * 1000)::float as "dueInMs"
    from (
      select *, ordinal = min(ordinal) over (partition by session_id) as is_next
      from turns where status in ('queued', 'running', 'cancelling')
    ) t`;
  return row;
}

/** A turn that was ended in place of its worker. The caller holds its attempt and appends its last frames. */
export interface EndedOrphan extends EndedTurn {
  turnId: string;
  sessionId: string;
  epoch: Epoch;
  messageId: string | null;
  end: Exclude<TurnEnd, { status: "complete" }>;
  /** The seq of the last frame that the caller appends; the first is 1. */
  lastSeq: number;
}

const exhausted = (crashes: number): TurnError => ({
  code: "attempts_exhausted",
  message: `the turn was tried ${crashes} times, and its worker died each time`,
});

/**
 * Ends one turn in place of its worker: an orphan on its last attempt, or a cancelled turn whose worker does not end it. Only
 * the holder of the current attempt may append frames, so this starts a new attempt first.
 * @param silentMs how long a worker may take to end a cancelled turn
 * @returns null when there is no such turn
 */
export async function endOrphan(
  pool: Pool,
  nonce: string,
  rule: OrphanRule,
  silentMs: number,
): Promise<EndedOrphan | null> {
  return await pool.begin(async (sql) => {
    // Lock the session before the turn, as the lock order requires. A locked session is skipped until the next run.
    const [found] = await sql<{ id: string; session_id: string }[]>`
      select t.id, t.session_id from turns t join sessions s on s.id = t.session_id
      where (t.status = 'running' and t.lease_until < now() and t.crashes + 1 >= ${rule.maxCrashes} and t.worker_id is not null
          and ${mayJudge(sql, rule)})
        or (t.status = 'cancelling'
          and (t.lease_until < now() or t.cancel_requested_at < now() - ${milliseconds(sql, silentMs)}))
      limit 1 for no key update of s skip locked`;
    if (!found) return null;
    const [turn] = await sql<
      {
        status: string;
        attempt: number;
        ordinal: number;
        crashes: number;
        reason: CancelReason | null;
        draft: UsageEntry[];
      }[]
    >`
      select status, attempt, ordinal, crashes, cancel_reason as reason, ${usageOfDraft(sql)} as draft
      from turns t where id = ${found.id} and ${statusByKey(sql, sql`t`)} in ('running', 'cancelling')
        and (lease_until < now() or cancel_requested_at < now() - ${milliseconds(sql, silentMs)})
      for no key update skip locked`;
    if (!turn) return null;
    const end: EndedOrphan["end"] =
      turn.status === "cancelling"
        ? { status: "cancelled", reason: turn.reason ?? "user" }
        : { status: "failed", error: exhausted(turn.crashes + 1) };
    const error = end.status === "failed" ? end.error : null;
    const [message] = await sql<{ id: string }[]>`
      update messages set status = ${end.status}, error_code = ${error?.code ?? null}, error = ${error?.message ?? null},
        finished_at = now()
      where turn_id = ${found.id} and status = 'streaming' and deleted_at is null returning id`;
    const lastSeq = 1 + (message ? 1 : 0) + (error ? 1 : 0);
    await sql`
      with ended as (
      update turns set status = ${end.status}, attempt = attempt + 1, nonce = ${nonce}, last_seq = ${lastSeq},
        lease_until = null, finished_at = clock_timestamp(), error_code = ${error?.code ?? null}, error = ${error?.message ?? null},
        crashes = crashes + ${end.status === "failed" ? 1 : 0}::int,
        worker_deaths = worker_deaths + ${end.status === "failed" ? 1 : 0}::int,
        usage = usage || ${usageParameter(sql, turn.draft)}, usage_has_draft = true
      where id = ${found.id} returning id, session_id, owner_id, finished_at, usage
      )
      select add_usage_2(id, owner_id, session_id, finished_at, usage) from ended`;
    return {
      ...(await closeTurn(sql, found.session_id, end.status)),
      turnId: found.id,
      sessionId: found.session_id,
      epoch: { ordinal: turn.ordinal, attempt: turn.attempt + 1, nonce },
      messageId: message?.id ?? null,
      end,
      lastSeq,
    };
  });
}
