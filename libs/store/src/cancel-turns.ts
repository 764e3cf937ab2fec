import type { CancelReason } from "@boocode/contracts";
import type { Hint, Structure } from "./changes.ts";
import type { Sql } from "./sql.ts";

export interface CancelledTurns {
  /** Turns that a worker has taken: asked to stop, they are ended by their worker or by a reconciler. */
  cancelling: string[];
  /** Turns that no worker had taken: they have ended here. */
  withdrawn: string[];
}

/**
 * Cancels the live turns of sessions whose rows the caller has locked. A turn that no worker has taken ends at once;
 * one that was taken is asked to stop, and the compare-and-set on `running` decides between this and its completion.
 * @param fromOrdinal only turns from this one on
 */
export async function cancelTurnsOfSessions(
  sql: Sql,
  ownerId: string,
  sessionIds: string[],
  reason: CancelReason,
  fromOrdinal = 0,
): Promise<CancelledTurns> {
  if (sessionIds.length === 0) return { cancelling: [], withdrawn: [] };
  const live = await sql<{ id: string }[]>`
    select id from turns
    where session_id = any(${sessionIds}::uuid[]) and owner_id = ${ownerId}
      and ordinal >= ${fromOrdinal} and status in ('queued', 'running')
    order by id for no key update`;
  return await cancelTurns(
    sql,
    ownerId,
    live.map((turn) => turn.id),
    reason,
  );
}

/** What a cancel changed: workers that may hold a turn get a hint, and a withdrawn turn leaves the session's structure. */
export function changesOfCancel({ cancelling, withdrawn }: CancelledTurns, reason: CancelReason): (Structure | Hint)[] {
  return [
    ...hintsOfCancel(cancelling),
    ...withdrawn.map(
      (turnId): Structure => ({
        kind: "structure",
        frame: { type: "turn_withdrawn", turn_id: turnId, reason },
      }),
    ),
  ];
}

export const hintsOfCancel = (cancelling: string[]): Hint[] =>
  cancelling.map((turnId) => ({ kind: "turn_cancelling", turnId }));

/** Cancels turns by id, those of them that are still live. */
export async function cancelTurns(
  sql: Sql,
  ownerId: string,
  turnIds: string[],
  reason: CancelReason,
): Promise<CancelledTurns> {
  if (turnIds.length === 0) return { cancelling: [], withdrawn: [] };
  const rows = await sql<{ id: string; status: string }[]>`
    update turns set
      status = case when status = 'queued' and attempt = 0 then 'cancelled' else 'cancelling' end,
      cancel_reason = ${reason},
      cancel_requested_at = now(),
      -- A turn that waits for another attempt has frames and perhaps half a message: only who takes the next attempt may
      -- tell of its end, and with a dead lease that is the first reconciler that looks.
      lease_until = case status when 'queued' then now() else lease_until end,
      finished_at = case when status = 'queued' and attempt = 0 then now() end
    where id = any(${turnIds}::uuid[]) and owner_id = ${ownerId} and status in ('queued', 'running')
    returning id, status`;
  const withStatus = (status: string) => rows.filter((row) => row.status === status).map((row) => row.id);
  return { cancelling: withStatus("cancelling"), withdrawn: withStatus("cancelled") };
}
