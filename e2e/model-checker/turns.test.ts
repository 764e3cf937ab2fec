import { expect, it } from "vitest";
import { explore } from "./explore.ts";
import { describeModel, describeTrace } from "./report.ts";
import { turnModel } from "./turns/model.ts";
import { SCOPES } from "./turns/scopes.ts";

for (const scope of Object.values(SCOPES)) {
  it(`the turn protocol keeps its invariants in every state: ${scope.name}`, () => {
    const exploration = explore(turnModel(scope), 1_000_000, () => performance.now());
    expect(describeTrace(exploration)).toBe("");
    console.log(describeModel(`turns, ${scope.name}`, exploration));
    // A scope in which nothing can happen would hold as well.
    expect(exploration.states).toBeGreaterThan(10_000);
  });
}
