import { expect } from "vitest";
import { type Exploration, explore, type Model } from "./explore.ts";
import { describeModel, describeTrace } from "./report.ts";

/** For a test that explores: a busy machine takes several times what a quiet one does. */
export const PATIENCE_MS = 240_000;

/** Explores all of a model, in which every invariant must hold. */
export function expectToHold<S>(name: string, model: Model<S>): Exploration {
  const exploration = explore(model, 1_000_000, () => performance.now());
  expect(describeTrace(exploration)).toBe("");
  console.log(describeModel(name, exploration));
  // A scope in which nothing can happen would hold as well.
  expect(exploration.states).toBeGreaterThan(10_000);
  return exploration;
}
