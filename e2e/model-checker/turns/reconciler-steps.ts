// PURE
import { wake } from "./api-steps.ts";
import { type Context, write } from "./context.ts";
import type { World } from "./state.ts";
import { claim, isClaimable } from "./worker-steps.ts";

/*
 * The reconciler runs in every worker, every second. Only one of them gets a row (`skip locked`), so that one stands for all.
 * Time is left out: a turn may be due, and a cancel overdue, at any moment. A lease expires when its worker is dead or paused.
 */
export function reconcilerSteps(context: Context, world: World): void {
  for (let index = 0; index < world.turns.length; index++) {
    leaseSteps(context, world, index);
    if (context.rules.reconciler) reconcile(context, world, index);
  }
}

function leaseSteps(context: Context, world: World, index: number): void {
  const turn = world.turns[index]!;
  if (!turn.lease) return;
  const kept = world.workers.some((w) => w.turn === index && w.attempt === turn.attempt && !w.paused);
  if (!kept) context.emit(`the lease of turn ${index + 1} expires`, write(world, index, { lease: false }));
}

function reconcile(context: Context, world: World, index: number): void {
  const { rules, scope, emit } = context;
  const turn = world.turns[index]!;
  const name = `turn ${index + 1}`;
  const exhausted = rules.crashesCount && turn.crashes + 1 >= scope.maxCrashes;
  if (turn.status === "r" && !turn.lease && !exhausted) {
    const crashes = turn.crashes + (rules.crashesCount ? 1 : 0);
    emit(`${name} is queued again`, write(world, index, { status: "q", crashes }));
  }
  if (turn.status === "r" && !turn.lease && exhausted)
    emit(`${name} fails: its attempts are exhausted`, endFor(context, world, index, "#"));
  if (turn.status === "x") emit(`${name} is cancelled for its worker`, endFor(context, world, index, "-"));
  if (!isClaimable(rules.claimLooksAtSession, world, index)) return;
  const idle = world.workers.findIndex((worker) => worker.turn < 0 && !worker.paused);
  if (!rules.claimsWithoutQueue) emit(`the reconciler wakes a worker for ${name}`, wake(context, world, index));
  else if (idle >= 0) emit(`${name} is due and claimed`, claim(context, world, index, idle)!);
}

/** Ends a turn whose worker may still believe that it holds it, and wakes a worker for the session's next turn. */
function endFor(context: Context, world: World, index: number, status: "-" | "#"): World {
  const turn = world.turns[index]!;
  // Frames need the new attempt. For the row alone the fence on the status would suffice.
  const taken = { attempt: turn.attempt + 1, ends: turn.ends + 1 };
  const crashes = turn.crashes + (status === "#" ? 1 : 0);
  const ended = write(world, index, { status, lease: false, streaming: false, crashes, ...taken });
  const next = ended.turns.findIndex((one) => one.status === "q");
  return next >= 0 ? wake(context, ended, next) : ended;
}
