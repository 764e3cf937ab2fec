import type { Turn } from "@boocode/contracts";
import { turnColumns } from "./rows.ts";
import { milliseconds, type Pool, type Sql } from "./sql.ts";

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
}

export interface Claim {
  workerId: string;
  nonce: string;
  leaseMs: number;
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

async function claimWhere(
  pool: Pool,
  claim: Claim,
  which: (sql: Sql) => ReturnType<typeof turnColumns>,
): Promise<ClaimedTurn | null> {
  try {
    const [turn] = await pool<ClaimedTurn[]>`
      with candidate as (
        select t.id from turns t
        where t.status = 'queued' and ${which(pool)}
          and not exists (
            select from turns o where o.session_id = t.session_id
              and (o.status in ('running', 'cancelling') or (o.status = 'queued' and o.ordinal < t.ordinal)))
        order by (select count(*) from turns r where r.owner_id = t.owner_id and r.status = 'running'), t.due_at
        limit 1 for no key update of t skip locked
      ), t as (
        update turns set status = 'running', attempt = attempt + 1, nonce = ${claim.nonce}, last_seq = 0,
          worker_id = ${claim.workerId}, lease_until = now() + ${milliseconds(pool, claim.leaseMs)},
          started_at = coalesce(started_at, clock_timestamp())
        where id = (select id from candidate) returning *
      ), reset as (
        update messages m set content = '', reasoning = null, tool_calls = null, last_seq = 0
        from t where m.turn_id = t.id and m.status = 'streaming' and m.deleted_at is null returning m.id
      )
      select ${turnColumns(pool)}, t.nonce, t.owner_id, t.crashes, (select id from reset limit 1) as streaming_message_id from t`;
    return turn ?? null;
  } catch (error) {
    // Another turn of the session was claimed at the same instant: the partial unique index decided (T7).
    if ((error as { code?: string }).code === "23505") return null;
    throw error;
  }
}
