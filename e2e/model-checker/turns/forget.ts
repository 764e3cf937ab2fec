// PURE
import type { Rules } from "./rules.ts";
import { hasEnded, IDLE, newTurn, type Turn, type Worker, type World } from "./state.ts";

/**
 * Takes out of a state what nothing can depend on any more, so that states which differ in nothing else are one. This needs
 * the fences: without one of them an attempt that is over still has a say. A test compares with a model that keeps all.
 *
 * Of a turn that has ended all but how: its jobs find nothing to claim, and what it must not be has been asked by then. The
 * worker of an attempt that is over: it can only stop, and when it does matters to nobody, since nothing is possible beside a
 * busy worker that is not possible beside a free one. Whether a job's id is taken, where the next job has another.
 */
export function forget(rules: Rules, world: World): World {
  if (world.wrong || !(rules.fencedDrafts && rules.fencedSteps && rules.fencedFinish)) return world;
  return {
    ...world,
    turns: world.turns.map((turn) => forgetTurn(rules, turn)),
    workers: world.workers.map((worker) => (isOver(world, worker) ? IDLE : worker)),
  };
}

function forgetTurn({ freshJobIds }: Rules, turn: Turn): Turn {
  if (hasEnded(turn)) return { ...newTurn(turn.key), status: turn.status, forgotten: true };
  return freshJobIds && turn.idTaken ? { ...turn, idTaken: false } : turn;
}

/** For good, since attempts only rise. One that is not over may end its turn as cancelled, even if it waits in the queue now. */
function isOver({ turns }: World, { turn, attempt }: Worker): boolean {
  return turn >= 0 && (hasEnded(turns[turn]!) || turns[turn]!.attempt > attempt);
}
