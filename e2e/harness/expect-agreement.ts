import { expect } from "vitest";
import { brokenInvariants, subscribersAgree, untilAllEnded } from "./invariants.ts";
import { size } from "./scale.ts";
import type { System } from "./start-system.ts";
import { closeAll, subscribersOf, type WatchedTurn } from "./turns.ts";

/**
 * The oracle after every fault: all turns end, every subscriber shows what is stored, and no invariant is broken. Only the
 * model's own faults may fail a turn (T13), so all turns of the sessions complete, except those in `failing`.
 */
export async function expectAgreement(
  system: System,
  turns: WatchedTurn[],
  failing: readonly WatchedTurn[] = [],
): Promise<void> {
  await untilAllEnded(system, size(60_000, 300_000));
  const incomplete = await system.sql<{ id: string; status: string; error_code: string | null }[]>`
    select id, status, error_code from turns
    where session_id = any(${turns.map(({ sessionId }) => sessionId)}::uuid[]) and status <> 'complete'`;
  expect(incomplete.filter(({ id }) => !failing.some(({ turnId }) => turnId === id))).toEqual([]);
  expect(await subscribersAgree(system, subscribersOf(turns), 20_000)).toEqual([]);
  expect(await brokenInvariants(system)).toEqual([]);
  await closeAll(turns);
}
