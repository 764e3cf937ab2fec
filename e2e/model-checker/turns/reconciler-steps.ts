// PURE
import { wake } from "./api-steps.ts";
import { type Context, write } from "./context.ts";
import type { World } from "./state.ts";
import { claim, isClaimable } from "./worker-steps.ts";

/*
 * What runs in every worker, every second. A row is taken by one of them (`skip locked`), so that one reconciler stands for
 * all. Time is left out: what is due after a second, or silent for five, may be due or silent at any moment. A lease ends
 * with its worker, or while its worker is stopped.
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
  if (!kept) context.emit(`the lease of turn ${index + 1} runs out`, write(world, index, { lease: false }));
}

function reconcile(context: Context, world: World, index: number): void {
  const { rules, scope, emit } = context;
  const turn = world.turns[index]!;
  const name = `turn ${index + 1}`;
  const exhausted = rules.crashesCount && turn.crashes + 1 >= scope.maxCrashes;
  if (turn.status === "r" && !turn.lease && !exhausted) {
    const crashes = turn.crashes + (rules.crashesCount ? 1 : 0);
    emit(`${name} goes back to the queue`, write(world, index, { status: "q", crashes }));
  }
  if (turn.status === "r" && !turn.lease && exhausted) emit(`${name} is given up`, endFor(context, world, index, "#"));
  if (turn.status === "x") emit(`${name} is cancelled for its worker`, endFor(context, world, index, "-"));
  if (!isClaimable(rules.claimLooksAtSession, world, index)) return;
  const idle = world.workers.findIndex((worker) => worker.turn < 0 && !worker.paused);
  if (!rules.claimsWithoutQueue) emit(`the reconciler wakes a worker for ${name}`, wake(context, world, index));
  else if (idle >= 0) emit(`${name} is due and claimed`, claim(context, world, index, idle)!);
}

/** Ends a turn for its worker, which may still believe that it holds it, and wakes whoever waits in the session. */
function endFor(context: Context, world: World, index: number, status: "-" | "#"): World {
  const turn = world.turns[index]!;
  // The attempt is taken for the sake of the frames: of the row alone, the fences keep the worker away by the status too.
  const taken = { attempt: turn.attempt + 1, ends: turn.ends + 1 };
  const crashes = turn.crashes + (status === "#" ? 1 : 0);
  const ended = write(world, index, { status, lease: false, streaming: false, crashes, ...taken });
  const next = ended.turns.findIndex((one) => one.status === "q");
  return next >= 0 ? wake(context, ended, next) : ended;
}
