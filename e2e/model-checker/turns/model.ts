// PURE
import type { Model } from "../explore.ts";
import { apiSteps } from "./api-steps.ts";
import type { Context } from "./context.ts";
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
 */
export function turnModel(scope: Scope, without: readonly Rule[] = []): Model<World> {
  const rules = { ...PROTOCOL };
  for (const rule of [...scope.without, ...without]) rules[rule] = false;
  return {
    initial: begin(scope),
    key: keyOf,
    successors(world, emit) {
      const context: Context = { scope, rules, emit };
      apiSteps(context, world);
      workerSteps(context, world);
      reconcilerSteps(context, world);
    },
    broken: (world) => brokenInvariant(scope, world),
    stuck: notDone,
    show,
  };
}
