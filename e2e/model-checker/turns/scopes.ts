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

export const SCOPES = {
  oneTurn: scope("one turn, three workers", {}),
  /** One runs, one waits. */
  twoTurns: scope("two turns, two workers", { turns: 2, workers: 2, maxCrashes: 2, deletes: 0 }),
  /** A request sent twice under one key, and another, over three APIs. */
  posting: scope("posts over APIs that die", {
    posts: ["k", "k", "l"],
    turns: 0,
    workers: 1,
    kinds: IN_APIS,
    maxCrashes: 4,
    deletes: 0,
  }),
  /** A system whose reconciler has no other way to a worker than the queue. */
  queueOnly: scope("a reconciler that only wakes", {
    turns: 2,
    workers: 2,
    deletes: 0,
    faults: 2,
    without: ["claimsWithoutQueue"],
  }),
};
