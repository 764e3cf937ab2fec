import { expect, it } from "vitest";
import { deliveryModel } from "./delivery/model.ts";
import { FAULTS } from "./delivery/rules.ts";
import { TURNS } from "./delivery/scopes.ts";
import { expectToHold, TIMEOUT_MS } from "./holds.ts";
import { choices } from "./together.ts";

const met = new Set<string>();

for (const scope of Object.values(TURNS)) {
  it(`the delivery protocol keeps its invariants in every state: ${scope.name}`, { timeout: TIMEOUT_MS }, () => {
    for (const pair of expectToHold(`delivery, ${scope.name}`, deliveryModel(scope)).together(2)) met.add(pair);
  });
}

it("every pair of fault kinds, also of the same kind, occurred on one path", () => {
  expect(choices(FAULTS, 2).filter((pair) => !met.has(pair))).toEqual([]);
  console.log(`delivery: ${met.size} pairs of ${FAULTS.length} kinds of faults`);
});
