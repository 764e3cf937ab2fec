import type { CancelReason, ReplyRecord, TurnEnd, UsageEntry } from "@boocode/contracts";
import { existingSession } from "./access.ts";
import { type Change, type Hint, recordSessionChanges } from "./changes.ts";
import type { Fence } from "./claim-turn.ts";
import { insertingUsage, settingUsage } from "./count-usage.ts";
import { milliseconds, type Pool, type Sql } from "./sql.ts";
import { statusByKey } from "./turn-status.ts";
import { finishMessage } from "./write-steps.ts";

export interface EndedTurn {
  /** They do not include the turn's own frames, which its worker appends. */
  changes: Change[];
}

export interface EndingTurn {
  end: TurnEnd;
  /** The message that is still open, with its text so far; null when none is open. */
  reply: ReplyRecord | null;
  lastSeq: number;
  /** The usage of all attempts; absent: as it was saved last. */
  usage?: UsageEntry[];
}

/**
 * Ends a turn under its fence. One compare-and-set decides between completion and cancel (T1, T12): a cancelling turn can
 * only end as cancelled. A turn whose session or project is gone ends as cancelled although nobody asked for it.
 * @returns `cancelling` when the caller must end the turn as cancelled instead; `lost` when the fence is lost
 */
export async function endTurn(
  pool: Pool,
  fence: Fence,
  { end, reply, lastSeq, usage }: EndingTurn,
): Promise<EndedTurn | "cancelling" | "lost"> {
  return await pool.begin(async (sql) => {
    const [turn] = await sql<{ session_id: string }[]>`
      select session_id from turns where id = ${fence.turnId}`;
    if (!turn) return "lost";
    await sql`select id from sessions where id = ${turn.session_id} for no key update`;
    const isGone = end.status === "cancelled" && end.reason === "session_deleted";
    const wanted = isGone ? ["running", "cancelling"] : [end.status === "cancelled" ? "cancelling" : "running"];
    const [ended] = await sql`
      with ended as (
      update turns set status = ${end.status}, last_seq = ${lastSeq}, lease_until = null, finished_at = clock_timestamp(),
        error_code = ${end.status === "failed" ? end.error.code : null},
        error = ${end.status === "failed" ? end.error.message : null},
        cancel_reason = coalesce(cancel_reason, ${end.status === "cancelled" ? end.reason : null})
        ${settingUsage(sql, usage, true)}
      where id = ${fence.turnId} and attempt = ${fence.attempt} and ${statusByKey(sql)} = any(${wanted})
      returning id, session_id, owner_id, finished_at, usage
      ), counted as (${insertingUsage(sql)})
      select id from ended`;
    if (!ended) {
      const [now] = await sql<{ attempt: number; status: string }[]>`
        select attempt, status from turns where id = ${fence.turnId}`;
      if (now?.attempt !== fence.attempt) return "lost";
      // The worker repeats this end, because the result of its first write was lost. The changes may be announced twice.
      if (now.status === end.status) return await closeTurn(sql, turn.session_id, end.status);
      return now.status === "cancelling" ? "cancelling" : "lost";
    }
    if (reply) await finishMessage(sql, { end, reply, lastSeq });
    await endOpenMessages(sql, fence.turnId, end, lastSeq);
    return await closeTurn(sql, turn.session_id, end.status);
  });
}

/**
 * Ends the messages that are still open, because none may outlive its turn (T3): one that an earlier attempt began and this one
 * did not reach, or one whose creation was committed although the worker never received the result.
 */
async function endOpenMessages(sql: Sql, turnId: string, end: TurnEnd, lastSeq: number): Promise<void> {
  const error = end.status === "failed" ? end.error : null;
  await sql`
    update messages set status = ${end.status}, error_code = ${error?.code ?? null}, error = ${error?.message ?? null},
      last_seq = ${lastSeq}, finished_at = now()
    where turn_id = ${turnId} and status = 'streaming' and deleted_at is null`;
}

/** Makes the session's next turn due after a turn's end, and requests a name for a session with an answer but no name. */
export async function closeTurn(sql: Sql, sessionId: string, status: TurnEnd["status"]): Promise<EndedTurn> {
  const [isThere] = await sql`select from sessions s where s.id = ${sessionId} and ${existingSession(sql)}`;
  if (!isThere) return { changes: [] };
  const [next] = await sql<{ id: string }[]>`
    update turns set due_at = now() + ${milliseconds(sql, 1_000)}
    where id = (
      select id from turns where session_id = ${sessionId} and status = 'queued' order by ordinal limit 1
    ) returning id`;
  // The turn has already waited for its session, so it gets the priority of a user's only turn.
  const hints: Hint[] = next ? [{ kind: "turn_due", turnId: next.id, liveTurnsOfUser: 1 }] : [];
  const { session, changes } = await recordSessionChanges(sql, { sessionId }, hints);
  if (status !== "complete" || session.name !== null) return { changes };
  return { changes: [...changes, { kind: "name_wanted", sessionId }] };
}

/** @returns why a turn is being cancelled; null when it is not */
export async function readCancelReason(sql: Sql, fence: Fence): Promise<CancelReason | null> {
  const [turn] = await sql<{ cancel_reason: CancelReason | null }[]>`
    select cancel_reason from turns where id = ${fence.turnId} and attempt = ${fence.attempt}`;
  return turn?.cancel_reason ?? null;
}

/**
 * Releases a turn: puts it back into the queue without spending its attempt, for example when the worker shuts down.
 * @param usage of all attempts, with the call of the open message; absent when this attempt has made none
 * @returns false when the fence is lost or the turn is being cancelled
 */
export async function releaseTurn(sql: Sql, fence: Fence, usage?: UsageEntry[]): Promise<boolean> {
  const result = await sql`
    update turns set status = 'queued', lease_until = null, due_at = now(), hand_backs = hand_backs + 1
      ${settingUsage(sql, usage, true)}
    where id = ${fence.turnId} and attempt = ${fence.attempt} and ${statusByKey(sql)} = 'running'`;
  return result.count > 0;
}

/**
 * Releases a turn whose reply was cut by the model server, for another attempt after `waitMs`. It counts the cuts of a step,
 * and not a crash, because the turn's worker is well.
 * @returns false when nothing was written: the fence is lost, the turn is being cancelled, or it had `maxCuts` already
 */
export async function requeueCutTurn(
  sql: Sql,
  fence: Fence,
  { maxCuts, waitMs, usage }: { maxCuts: number; waitMs: number; usage?: UsageEntry[] },
): Promise<boolean> {
  const result = await sql`
    update turns set status = 'queued', lease_until = null, due_at = now() + ${milliseconds(sql, waitMs)},
      cuts = cuts + 1, hand_backs = hand_backs + 1 ${settingUsage(sql, usage, true)}
    where id = ${fence.turnId} and attempt = ${fence.attempt} and ${statusByKey(sql)} = 'running' and cuts < ${maxCuts}::int`;
  return result.count > 0;
}
