import type { CancelReason } from "@boocode/contracts";
import type { Fence } from "./claim-turn.ts";
import { milliseconds, type Pool } from "./sql.ts";

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
