// PURE
import type { Model } from "../explore.ts";
import type { Context } from "./context.ts";
import { faults } from "./faults.ts";
import { forget } from "./forget.ts";
import { gatewaySteps } from "./gateway-steps.ts";
import { brokenInvariant, notArrived } from "./invariants.ts";
import { keyOf, show } from "./key.ts";
import { PROTOCOL, type Rule, type Scope } from "./rules.ts";
import { begin, type World } from "./state.ts";
import { workerSteps } from "./worker-steps.ts";

/** The delivery protocol in a scope, less the rules that a mutant does without. */
export function deliveryModel(scope: Scope, without: readonly Rule[] = []): Model<World> {
  const rules = { ...PROTOCOL };
  for (const rule of [...scope.without, ...without]) rules[rule] = false;
  return {
    initial: begin(scope.scripts.length, scope.viewers, scope.faults, scope.strangersLog),
    key: keyOf,
    successors(world, emit) {
      const context: Context = {
        scope,
        rules,
        emit: (label, next, kind) => emit(label, forget(rules, next), kind),
      };
      workerSteps(context, world);
      gatewaySteps(context, world);
      faults(context, world);
    },
    broken: brokenInvariant,
    stuck: notArrived,
    show,
  };
}
