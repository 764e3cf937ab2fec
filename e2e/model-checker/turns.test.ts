import { expect, it } from "vitest";
import { expectToHold, TIMEOUT_MS } from "./holds.ts";
import { choices } from "./together.ts";
import { turnModel } from "./turns/model.ts";
import { FAULTS } from "./turns/rules.ts";
import { SCOPES } from "./turns/scopes.ts";

const met = new Set<string>();

for (const scope of Object.values(SCOPES)) {
  it(`the turn protocol keeps its invariants in every state: ${scope.name}`, { timeout: TIMEOUT_MS }, () => {
    const together = expectToHold(`turns, ${scope.name}`, turnModel(scope)).together(scope.faults);
    expect([...together, ...scope.apart].sort()).toEqual(choices(FAULTS, scope.faults).sort());
    console.log(`${together.size} triples of faults occur together, all except: ${scope.apart.join("; ") || "none"}`);
    for (const triple of together) met.add(triple);
  });
}

it("every combination of three fault kinds, also of the same kind, occurred on one path", () => {
  const triples = choices(FAULTS, 3);
  expect(triples.filter((triple) => !met.has(triple))).toEqual([]);
  console.log(`turns: ${triples.length} triples of ${FAULTS.length} kinds of faults`);
});
