import { describe, expect, it } from "vitest";
import { explore } from "./explore.ts";
import { describeModel, describeMutant, describeTrace } from "./report.ts";
import { turnModel } from "./turns/model.ts";
import { MUTANTS } from "./turns/mutants.ts";
import { SCOPES } from "./turns/scopes.ts";

const LIMIT = 1_000_000;
const now = () => performance.now();

describe("the turn protocol", () => {
  for (const scope of Object.values(SCOPES)) {
    it(`keeps its invariants in every state: ${scope.name}`, () => {
      const exploration = explore(turnModel(scope), LIMIT, now);
      expect(describeTrace(exploration)).toBe("");
      console.log(describeModel(`turns, ${scope.name}`, exploration));
      // A scope in which nothing can happen would hold as well.
      expect(exploration.states).toBeGreaterThan(10_000);
    });
  }

  it("is not stranded by a fixed job id, because due turns are claimed from Postgres", () => {
    const exploration = explore(turnModel({ ...SCOPES.queueOnly, without: [] }, ["freshJobIds"]), LIMIT, now);
    expect(describeTrace(exploration)).toBe("");
  });

  for (const { name, without, scope, breaks } of MUTANTS) {
    it(`needs its rules: ${name} breaks ${breaks}`, () => {
      const exploration = explore(turnModel(scope, [without]), LIMIT, now);
      console.log(describeMutant(name, exploration));
      expect(exploration.counterexample?.broken.split(" ")[0], describeTrace(exploration)).toBe(breaks);
    });
  }
});
