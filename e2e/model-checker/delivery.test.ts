import { expect, it } from "vitest";
import { deliveryModel } from "./delivery/model.ts";
import { FAULTS } from "./delivery/rules.ts";
import { TURNS } from "./delivery/scopes.ts";
import { pairOf } from "./explore.ts";
import { expectToHold, PATIENCE_MS } from "./holds.ts";

const met = new Set<string>();

for (const scope of Object.values(TURNS)) {
  it(`the delivery protocol keeps its invariants in every state: ${scope.name}`, { timeout: PATIENCE_MS }, () => {
    for (const pair of expectToHold(`delivery, ${scope.name}`, deliveryModel(scope)).pairs) met.add(pair);
  });
}

it("every kind of fault met every kind, and itself, on one path", () => {
  const pairs = FAULTS.flatMap((kind, i) => FAULTS.slice(i).map((other) => pairOf(kind, other)));
  expect(pairs.filter((pair) => !met.has(pair))).toEqual([]);
  console.log(`delivery: ${met.size} pairs of ${FAULTS.length} kinds of faults`);
});
