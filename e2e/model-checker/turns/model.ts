// PURE
import type { Model } from "../explore.ts";
import { apiSteps } from "./api-steps.ts";
import type { Context } from "./context.ts";
import { forget } from "./forget.ts";
import { brokenInvariant, notDone } from "./invariants.ts";
import { reconcilerSteps } from "./reconciler-steps.ts";
import { PROTOCOL, type Rule, type Scope } from "./rules.ts";
import { begin, keyOf, show, type World } from "./state.ts";
import { workerSteps } from "./worker-steps.ts";

/**
 * The turn protocol in a scope, less the rules that a mutant does without: from a post to the end of its turn.
 *
 * A transaction is one step, because each takes its locks before it looks; what lies between two transactions of a process
 * is where that process can die, stop or be overtaken. Time is left out: what waits for a clock may happen at any moment,
 * which includes the right one. Frames are the other model's.
 *
 * @param keep what of a state is looked at further
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
        emit: (label, next, fault) => emit(label, keep(rules, judged(scope, next)), fault),
      };
      apiSteps(context, world);
      workerSteps(context, world);
      reconcilerSteps(context, world);
    },
    broken: ({ wrong }) => wrong || null,
    stuck: notDone,
    show,
  };
}

/** Invariants are asked of a state as the step made it, before anything of it is forgotten. */
function judged(scope: Scope, world: World): World {
  const wrong = brokenInvariant(scope, world);
  return wrong ? { ...world, wrong } : world;
}
