// PURE
import type { Model } from "../explore.ts";
import { apiSteps } from "./api-steps.ts";
import type { Context } from "./context.ts";
import { forget } from "./forget.ts";
import { brokenInvariant, notEnded } from "./invariants.ts";
import { reconcilerSteps } from "./reconciler-steps.ts";
import { PROTOCOL, type Rule, type Scope } from "./rules.ts";
import { begin, keyOf, show, type World } from "./state.ts";
import { workerSteps } from "./worker-steps.ts";

/**
 * The turn protocol in a scope, from a post to the end of its turn, without the rules that a mutant drops.
 *
 * A transaction is one step, because it takes its locks before it reads. Between two transactions a process can die, pause or
 * be overtaken. Time is left out: what waits for a clock may happen at any moment. Frames are in the delivery model.
 *
 * @param keep reduces a state before it is explored
 */
export function turnModel(scope: Scope, without: readonly Rule[] = [], keep = forget): Model<World> {
  const rules = { ...PROTOCOL };
  for (const rule of [...scope.without, ...without]) rules[rule] = false;
  return {
    initial: begin(scope),
    key: keyOf,
    successors(world, emit) {
      const context: Context = {
        scope,
        rules,
        emit: (label, next, fault) => emit(label, keep(rules, withVerdict(scope, next)), fault),
      };
      apiSteps(context, world);
      workerSteps(context, world);
      reconcilerSteps(context, world);
    },
    broken: ({ wrong }) => wrong || null,
    stuck: notEnded,
    show,
  };
}

/** Checks the invariants in a state as the step made it, before `keep` reduces it. */
function withVerdict(scope: Scope, world: World): World {
  const wrong = brokenInvariant(scope, world);
  return wrong ? { ...world, wrong } : world;
}
