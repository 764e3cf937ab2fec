// PURE
import type { Model } from "../explore.ts";
import type { Context } from "./context.ts";
import { faults } from "./faults.ts";
import { forget } from "./forget.ts";
import { gatewaySteps } from "./gateway-steps.ts";
import { brokenInvariant, notDelivered } from "./invariants.ts";
import { keyOf, show } from "./key.ts";
import { PROTOCOL, type Rule, type Scope } from "./rules.ts";
import { begin, type World } from "./state.ts";
import { workerSteps } from "./worker-steps.ts";

/**
 * The delivery protocol in a scope, from a worker's statement to what a client shows, without the rules that a mutant drops.
 * It calls the production decisions instead of modelling them: `classifyLive`, `planJoin` and `classifyFrame`.
 *
 * What is left out, and why that hides nothing:
 * - Time. What waits for a clock (a lease, the reconciler, the grace period of a cancel) may happen at any moment.
 * - The order within a socket. A client receives a frame at once, or its socket is broken and it reconnects with its cursor.
 * - Words. A letter identifies the attempt that wrote it.
 * - The session's versions. For a deletion, the model checks only what a join may send.
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
    stuck: notDelivered,
    show,
  };
}
