// PURE
import { createEdges } from "./edges.ts";
import { together } from "./together.ts";

/** Receives one successor state. @param label the step, for traces @param fault the kind of fault, if the step is one */
export type Emit<S> = (label: string, state: S, fault?: string) => void;

/** A system as its states and their successors. States are values: a step copies what it changes. */
export interface Model<S> {
  initial: S;
  /** @returns the same text for equal states, and for states that differ in nothing that matters (symmetry) */
  key(state: S): string;
  /** Emits every possible step. A step that changes nothing may be emitted, and is ignored. */
  successors(state: S, emit: Emit<S>): void;
  /**
   * @returns the invariant that is broken in this state, or null. A step that breaks an invariant about steps records it in
   * the state, and so in its key.
   */
  broken(state: S): string | null;
  /** Called for a state whose only steps are faults. @returns what should have happened and did not, or null */
  stuck(state: S): string | null;
  /** One line, for traces. */
  show(state: S): string;
}

export interface Exploration {
  states: number;
  transitions: number;
  seconds: number;
  /** @returns those of the `choices` of `size` faults that happen on one path; none when there is a counterexample */
  together(size: number): ReadonlySet<string>;
  /** null: every invariant holds in every state, and every fault-free continuation ends well. */
  counterexample: { broken: string; steps: string[] } | null;
}

/**
 * Visits every reachable state, breadth first, so that a counterexample is a shortest one.
 *
 * "Once faults stop, every continuation ends well" is checked without fairness, by a stronger condition: the graph has no
 * cycle, so every continuation ends, and each state whose only steps are faults is a good end.
 *
 * @param limit the number of states above which it throws, since a partial exploration proves nothing
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
    // Only unexpanded states are kept in memory; a trace is rebuilt from the keys.
    frontier[id] = null;
    if (keys.length > limit) throw new Error(`more than ${limit} states: the scope is too large`);
  }
  const cycle = found ? null : edges.findCycle(keys.length);
  if (cycle) found = { broken: "D7/T9 the last steps form a cycle without a fault", id: cycle[0]!, round: cycle };
  return {
    states: keys.length,
    transitions: edges.count(),
    together: (size) => (found ? new Set() : together(edges, keys.length, kinds, size)),
    seconds: (now() - began) / 1_000,
    counterexample: found && { broken: found.broken, steps: retrace(model, keys, parents, found) },
  };
}

/** Kinds are numbered from 1 in the order of their first occurrence. */
function markOf(kinds: string[], kind: string): number {
  const known = kinds.indexOf(kind);
  return known < 0 ? kinds.push(kind) : known + 1;
}

/** Walks again from the initial state to a given state, and records the steps. */
function retrace<S>(
  model: Model<S>,
  keys: string[],
  parents: number[],
  { id, round = [] }: { id: number; round?: number[] },
): string[] {
  const path: number[] = [];
  for (let at = id; at > 0; at = parents[at]!) path.unshift(at);
  if (round.length > 0) path.push(...round.slice(1), id);
  const steps = [`   0. ${"initial state".padEnd(LABEL)} ${model.show(model.initial)}`];
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
