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

/**
 * The delivery protocol in a scope, less the rules that a mutant does without: from a worker's statement to what a client
 * shows. The rules that decide are not modelled but called: `judge`, the gateway's `planJoin` and the client's `judgeFrame`.
 *
 * What is left out, and why that hides nothing. Time: whatever waits for a clock (a lease, the reconciler, patience with a
 * cancel) may happen at any moment, which includes the right one. The order within a socket: a client has a frame at once, or
 * its socket is broken and it never has it, and it comes back with its own cursor. The words: a letter tells which attempt
 * wrote it. The session's versions: deletions are looked at as what joins may send, not as what clients are told.
 */
export function deliveryModel(scope: Scope, without: readonly Rule[] = []): Model<World> {
  const rules = { ...PROTOCOL };
  for (const rule of [...scope.without, ...without]) rules[rule] = false;
  return {
    initial: begin(scope.scripts.length, scope.subscribers, scope.faults, scope.strangersLog),
    key: keyOf,
    successors(world, emit) {
      const context: Context = {
        scope,
        rules,
        emit: (label, next, fault) => emit(label, forget(rules, next), fault),
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
