import { describe, expect, it } from "vitest";
import { deliveryModel } from "./delivery/model.ts";
import { MUTANTS as DELIVERY } from "./delivery/mutants.ts";
import { type Exploration, explore, type Model } from "./explore.ts";
import { describeMutant, describeTrace } from "./report.ts";
import { turnModel } from "./turns/model.ts";
import { MUTANTS as TURNS } from "./turns/mutants.ts";
import { SCOPES } from "./turns/scopes.ts";

const run = <S>(model: Model<S>) => explore(model, 1_000_000, () => performance.now());

function expectBroken(name: string, exploration: Exploration, invariant: string): void {
  console.log(describeMutant(name, exploration));
  expect(exploration.counterexample?.broken.split(" ")[0], describeTrace(exploration)).toBe(invariant);
}

describe("the delivery protocol needs each of its rules", () => {
  for (const { name, without, scope, breaks } of DELIVERY) {
    it(`${name} breaks ${breaks}`, () => {
      expectBroken(name, run(deliveryModel(scope, [without])), breaks);
    });
  }
});

describe("the turn protocol needs each of its rules", () => {
  for (const { name, without, scope, breaks } of TURNS) {
    it(`${name} breaks ${breaks}`, () => {
      expectBroken(name, run(turnModel(scope, [without])), breaks);
    });
  }

  it("a fixed job id strands no turn when due turns are claimed from Postgres", () => {
    const scope = { ...SCOPES.queueOnly, without: [], cancels: 0 };
    expect(describeTrace(run(turnModel(scope, ["freshJobIds"])))).toBe("");
  });
});
