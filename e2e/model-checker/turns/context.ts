// PURE
import type { Emit } from "../explore.ts";
import type { Fault, Rules, Scope } from "./rules.ts";
import { hasEnded, type Turn, type Worker, type World } from "./state.ts";

/** What a step needs besides the state. */
export interface Context {
  scope: Scope;
  rules: Rules;
  emit: Emit<World>;
}

/** Emits a fault: a step on which no progress may depend. It costs one of the scope's faults. */
export function fault({ emit }: Context, world: World, kind: Fault, label: string, make: () => World): void {
  if (world.faults === 0) return;
  emit(`FAULT ${label}`, { ...make(), faults: world.faults - 1 }, kind);
}

/**
 * Writes to a turn's row.
 * @param by the attempt of the writing worker, if a worker writes: only the row's own attempt may change anything (T10)
 */
export function write(world: World, index: number, change: Partial<Turn>, by?: number): World {
  const before = world.turns[index]!;
  const turns = world.turns.slice();
  turns[index] = { ...before, ...change };
  let { wrong } = world;
  if (by !== undefined && by !== before.attempt) wrong = `T10 attempt ${by} wrote, the turn is at ${before.attempt}`;
  else if (hasEnded(before) && change.status && change.status !== before.status) {
    wrong = `T1 the turn had ended as ${before.status} and is now ${change.status}`;
  } else if (hasEnded(before) && (change.draft ?? change.answer ?? change.steps) !== undefined) {
    wrong = `T12 the text of a turn that had ended (${before.status}) was changed`;
  }
  return { ...world, turns, wrong };
}

export function setWorker(world: World, index: number, change: Partial<Worker>): World {
  const workers = world.workers.slice();
  workers[index] = { ...workers[index]!, ...change };
  return { ...world, workers };
}
