// PURE
import type { Fault, Scope } from "./rules.ts";

const IN_WORKERS: readonly Fault[] = [
  "lose job",
  "double job",
  "flush queue",
  "kill worker",
  "pause worker",
  "repeat step",
  "sigterm",
];
const IN_APIS: readonly Fault[] = ["kill api", "lose answer", "lose job", "flush queue", "kill worker"];

const scope = (name: string, rest: Partial<Scope>): Scope => ({
  name,
  workers: 3,
  faults: 3,
  kinds: IN_WORKERS,
  posts: [],
  turns: 1,
  steps: 1,
  maxCrashes: 3,
  cancels: 1,
  deletes: 1,
  without: [],
  ...rest,
});

/** Small enough to be exhausted in seconds, and each for what the others leave out. */
export const SCOPES = {
  oneTurn: scope("a turn of two steps, three workers", { steps: 2 }),
  /** One runs, one waits. */
  twoTurns: scope("two turns, two workers", { turns: 2, workers: 2, steps: 0, maxCrashes: 2, deletes: 0 }),
  /** A request sent twice under one key, and another, over APIs that die. */
  posting: scope("three posts, two under one key", {
    posts: ["k", "k", "l"],
    turns: 0,
    workers: 1,
    steps: 0,
    kinds: IN_APIS,
    maxCrashes: 4,
    cancels: 0,
    deletes: 0,
  }),
  /** A system whose reconciler has no way to a worker but the queue. It is not ours; see the mutant of the fixed job id. */
  queueOnly: scope("a reconciler that only wakes", {
    turns: 2,
    workers: 2,
    faults: 2,
    deletes: 0,
    without: ["claimsWithoutQueue"],
  }),
} as const;
