import { expect } from "vitest";
import { type Exploration, explore, type Model } from "./explore.ts";
import { describeModel, describeTrace } from "./report.ts";

/** Time-out of a test that explores: a busy machine takes several times as long as a quiet one. */
export const TIMEOUT_MS = 240_000;

/** Explores all of a model and expects every invariant to hold. */
export function expectToHold<S>(name: string, model: Model<S>): Exploration {
  const exploration = explore(model, 1_000_000, () => performance.now());
  expect(describeTrace(exploration)).toBe("");
  console.log(describeModel(name, exploration));
  // In a scope in which nothing can happen, every invariant would hold as well.
  expect(exploration.states).toBeGreaterThan(10_000);
  return exploration;
}
