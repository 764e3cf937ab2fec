// PURE
import type { Rules } from "./rules.ts";
import { hasEnded, IDLE, newTurn, type Turn, type Worker, type World } from "./state.ts";

/**
 * Removes from a state what nothing can depend on any more, so that states that differ only in that become one. This is sound
 * only with all fences: without one, an attempt that is over can still write. A test compares it with keeping everything.
 * - Everything about an ended turn but its status: its jobs find nothing to claim, and its invariants have been checked.
 * - The worker of an attempt that is over: it can only stop, and a free worker in its place allows every other step.
 * - Whether a job's id is taken, if the next job has another id.
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

/** Whether a worker's attempt is over. It stays so, since attempts only rise. A current attempt may still end its turn. */
function isOver({ turns }: World, { turn, attempt }: Worker): boolean {
  return turn >= 0 && (hasEnded(turns[turn]!) || turns[turn]!.attempt > attempt);
}
