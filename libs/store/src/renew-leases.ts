import type { CancelReason } from "@boocode/contracts";
import type { Fence } from "./claim-turn.ts";
import { milliseconds, type Pool } from "./sql.ts";

/**
 * The heartbeat of a process: renews the leases of all its turns in one statement and brings back what was asked of them.
 * @returns an entry for each turn that is still held; one that is missing has lost its fence and must stop
 */
export async function renewLeases(
  sql: Pool,
  held: Fence[],
  leaseMs: number,
): Promise<Map<string, { cancel: CancelReason | null }>> {
  const rows = await sql<{ id: string; cancel: CancelReason | null }[]>`
    with held as (
      select t.id from turns t
      join unnest(${held.map((fence) => fence.turnId)}::uuid[], ${held.map((fence) => fence.attempt)}::int[])
        as h (id, attempt) on h.id = t.id and h.attempt = t.attempt
      where t.status in ('running', 'cancelling')
      order by t.id for no key update of t
    )
    update turns set lease_until = now() + ${milliseconds(sql, leaseMs)}
    from held where turns.id = held.id
    returning turns.id, case turns.status when 'cancelling' then turns.cancel_reason end as cancel`;
  return new Map(rows.map((row) => [row.id, { cancel: row.cancel }]));
}
