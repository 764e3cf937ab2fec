import { describe, expect, it } from "vitest";
import { deliveryModel } from "./delivery/model.ts";
import { MUTANTS } from "./delivery/mutants.ts";
import { SCOPES } from "./delivery/scopes.ts";
import { explore } from "./explore.ts";
import { describeModel, describeMutant, describeTrace } from "./report.ts";

const LIMIT = 1_000_000;
const now = () => performance.now();

describe("the delivery protocol", () => {
  for (const scope of Object.values(SCOPES)) {
    it(`keeps its invariants in every state: ${scope.name}`, () => {
      const exploration = explore(deliveryModel(scope), LIMIT, now);
      expect(describeTrace(exploration)).toBe("");
      console.log(describeModel(`delivery, ${scope.name}`, exploration));
      // A scope in which nothing can happen would hold as well.
      expect(exploration.states).toBeGreaterThan(10_000);
    });
  }

  for (const { name, without, scope, breaks } of MUTANTS) {
    it(`needs its rules: ${name} breaks ${breaks}`, () => {
      const exploration = explore(deliveryModel(scope, [without]), LIMIT, now);
      console.log(describeMutant(name, exploration));
      expect(exploration.counterexample?.broken.split(" ")[0], describeTrace(exploration)).toBe(breaks);
    });
  }
});
