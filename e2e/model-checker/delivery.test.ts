import { expect, it } from "vitest";
import { deliveryModel } from "./delivery/model.ts";
import { SCOPES } from "./delivery/scopes.ts";
import { explore } from "./explore.ts";
import { describeModel, describeTrace } from "./report.ts";

for (const scope of Object.values(SCOPES)) {
  it(`the delivery protocol keeps its invariants in every state: ${scope.name}`, () => {
    const exploration = explore(deliveryModel(scope), 1_000_000, () => performance.now());
    expect(describeTrace(exploration)).toBe("");
    console.log(describeModel(`delivery, ${scope.name}`, exploration));
    // A scope in which nothing can happen would hold as well.
    expect(exploration.states).toBeGreaterThan(10_000);
  });
}
