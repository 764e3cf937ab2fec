// PURE
import type { Emit } from "../explore.ts";
import type { Fault, Rules, Scope } from "./rules.ts";
import type { Row, Subscriber, Worker, World } from "./state.ts";

/** What a step needs besides the state. */
export interface Context {
  scope: Scope;
  rules: Rules;
  emit: Emit<World>;
}

/** Emits a fault: a step on which no progress may depend. It costs one of the scope's faults, unless its kind is free there. */
export function fault(context: Context, world: World, kind: Fault, label: string, make: () => World): void {
  const { kinds, free } = context.scope;
  const cost = free.includes(kind) ? 0 : 1;
  if (world.faults < cost || !kinds.includes(kind)) return;
  context.emit(`FAULT ${label}`, { ...make(), faults: world.faults - cost }, kind);
}

/** An epoch as written in frames, logs and cursors: ordinal, attempt, nonce. */
export function epochName(rules: Rules, turn: number, attempt: number): string {
  return `${turn + 1}${rules.epochs ? attempt : 1}${rules.nonces ? "n" : "z"}`;
}

function replaced<T>(items: readonly T[], index: number, change: Partial<T>): T[] {
  const copy = items.slice();
  copy[index] = { ...items[index]!, ...change };
  return copy;
}

export const withRow = (world: World, turn: number, change: Partial<Row>): World => ({
  ...world,
  rows: replaced(world.rows, turn, change),
});
export const withWorker = (world: World, index: number, change: Partial<Worker>): World => ({
  ...world,
  workers: replaced(world.workers, index, change),
});
export const withSubscriber = (world: World, index: number, change: Partial<Subscriber>): World => ({
  ...world,
  subscribers: replaced(world.subscribers, index, change),
});
