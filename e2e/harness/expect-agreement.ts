import { expect } from "vitest";
import { brokenInvariants, untilAllEnded, viewersAgree } from "./invariants.ts";
import { size } from "./scale.ts";
import type { System } from "./start-system.ts";
import { closeAll, viewersOf, type WatchedTurn } from "./turns.ts";

/** The oracle of every fault: all turns end, every viewer shows what is stored, and no invariant is broken. */
export async function expectAgreement(system: System, turns: WatchedTurn[]): Promise<void> {
  await untilAllEnded(system, size(60_000, 300_000));
  expect(await viewersAgree(system, viewersOf(turns), 20_000)).toEqual([]);
  expect(await brokenInvariants(system)).toEqual([]);
  await closeAll(turns);
}
