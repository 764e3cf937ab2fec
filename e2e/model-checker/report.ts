// PURE
import type { Exploration } from "./explore.ts";

/** A line about a model that holds. */
export function describeModel(name: string, { states, transitions, seconds }: Exploration): string {
  return `${name}: holds over ${states} states and ${transitions} transitions, ${seconds.toFixed(1)} s`;
}

/** A line about a mutant. */
export function describeMutant(name: string, { states, counterexample }: Exploration): string {
  if (!counterexample) return `${name}: HOLDS over ${states} states`;
  return `${name}: ${counterexample.broken}, after ${counterexample.steps.length - 1} steps`;
}

/** A counterexample, one step a line; "" for none. */
export function describeTrace({ counterexample }: Exploration): string {
  return counterexample ? [counterexample.broken, ...counterexample.steps].join("\n") : "";
}
