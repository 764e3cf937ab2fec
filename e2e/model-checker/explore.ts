// PURE
import { createEdges } from "./edges.ts";
import { together } from "./together.ts";

/** Takes one successor: what was done, what it made of the state, and the kind of fault that it was, if it was one. */
export type Emit<S> = (label: string, state: S, fault?: string) => void;

/** A system as its states and what each may become. States are values: a step copies what it changes. */
export interface Model<S> {
  initial: S;
  /** The same text for the same state, and for states that differ in nothing that matters (symmetry). */
  key(state: S): string;
  /** Everything that may happen now. A step that changes nothing may be emitted: it is left out. */
  successors(state: S, emit: Emit<S>): void;
  /**
   * @returns the invariant that does not hold here, else null. One that is about a step rather than a state is told by the
   * step, which notes in the state it makes that it was broken, and in its key.
   */
  broken(state: S): string | null;
  /** Asked where nothing but a fault can happen any more. @returns what should have happened and did not, or null */
  stuck(state: S): string | null;
  /** One line, for traces. */
  show(state: S): string;
}

export interface Exploration {
  states: number;
  transitions: number;
  seconds: number;
  /** @returns which of the `choices` of so many faults happen on one path; none where there is a counterexample */
  together(size: number): ReadonlySet<string>;
  /** null: every invariant holds in every state, and every fault-free continuation comes to a good end. */
  counterexample: { broken: string; steps: string[] } | null;
}

/**
 * Visits every reachable state, breadth first, so that a counterexample is a shortest one.
 *
 * "Once faults stop, every continuation ends well" is decided without a notion of fairness, by something stronger: the
 * graph has no cycle (every continuation comes to an end), and wherever no step is left the state is a good one.
 *
 * @param limit states after which it throws: a bounded answer would pass for a proof
 * @param now a clock in milliseconds
 */
export function explore<S>(model: Model<S>, limit: number, now: () => number): Exploration {
  const began = now();
  const first = model.key(model.initial);
  const ids = new Map<string, number>([[first, 0]]);
  const keys = [first];
  const parents = [-1];
  const frontier: (S | null)[] = [model.initial];
  const edges = createEdges();
  const kinds: string[] = [];
  let found: { broken: string; id: number; round?: number[] } | null = null;

  function expand(id: number, state: S): void {
    let moves = false;
    edges.from(id);
    model.successors(state, (_label, next, fault) => {
      const key = model.key(next);
      if (key === keys[id]) return;
      if (!fault) moves = true;
      let to = ids.get(key);
      if (to === undefined) {
        to = keys.length;
        ids.set(key, to);
        keys.push(key);
        parents.push(id);
        frontier.push(next);
        const broken = model.broken(next);
        if (broken) found ??= { broken, id: to };
      }
      edges.to(to, fault ? markOf(kinds, fault) : 0);
    });
    const stuck = moves || found ? null : model.stuck(state);
    if (stuck) found = { broken: stuck, id };
  }

  const atOnce = model.broken(model.initial);
  if (atOnce) found = { broken: atOnce, id: 0 };
  for (let id = 0; id < keys.length && !found; id++) {
    expand(id, frontier[id] as S);
    // Only states that are still to be expanded are kept; a trace is walked again from its keys.
    frontier[id] = null;
    if (keys.length > limit) throw new Error(`more than ${limit} states: the scope is too large`);
  }
  const cycle = found ? null : edges.findCycle(keys.length);
  if (cycle) found = { broken: "D7/T9 the last steps go round without a fault", id: cycle[0]!, round: cycle };
  return {
    states: keys.length,
    transitions: edges.count(),
    together: (size) => (found ? new Set() : together(edges, keys.length, kinds, size)),
    seconds: (now() - began) / 1_000,
    counterexample: found && { broken: found.broken, steps: retrace(model, keys, parents, found) },
  };
}

/** Kinds are numbered from 1 in the order in which they come up. */
function markOf(kinds: string[], kind: string): number {
  const known = kinds.indexOf(kind);
  return known < 0 ? kinds.push(kind) : known + 1;
}

/** Walks from the beginning to a state again, this time noting what was done. */
function retrace<S>(
  model: Model<S>,
  keys: string[],
  parents: number[],
  { id, round = [] }: { id: number; round?: number[] },
): string[] {
  const path: number[] = [];
  for (let at = id; at > 0; at = parents[at]!) path.unshift(at);
  if (round.length > 0) path.push(...round.slice(1), id);
  const steps = [`   0. ${"in the beginning".padEnd(LABEL)} ${model.show(model.initial)}`];
  let state = model.initial;
  for (const [index, to] of path.entries()) {
    let taken: { label: string; next: S } | null = null;
    model.successors(state, (label, next) => {
      if (!taken && model.key(next) === keys[to]) taken = { label, next };
    });
    const { label, next } = taken as unknown as { label: string; next: S };
    steps.push(`${String(index + 1).padStart(4)}. ${label.padEnd(LABEL)} ${model.show(next)}`);
    state = next;
  }
  return steps;
}

const LABEL = 52;
