// PURE
import type { Exploration } from "./explore.ts";

/** What a test prints of a model that holds. */
export function describeModel(name: string, { states, transitions, seconds }: Exploration): string {
  return `${name}: holds over ${states} states and ${transitions} transitions, ${seconds.toFixed(1)} s`;
}

/** What a test prints of a mutant. */
export function describeMutant(name: string, { states, counterexample }: Exploration): string {
  if (!counterexample) return `${name}: HOLDS over ${states} states`;
  return `${name}: ${counterexample.broken}, after ${counterexample.steps.length - 1} steps`;
}

/** A counterexample as a reader follows it. */
export function describeTrace({ counterexample }: Exploration): string {
  return counterexample ? [counterexample.broken, ...counterexample.steps].join("\n") : "";
}
