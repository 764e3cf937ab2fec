// PURE
import { choices } from "../together.ts";
import type { Scope } from "./rules.ts";

const scope = (name: string, rest: Partial<Scope>): Scope => ({
  name,
  workers: 3,
  faults: 3,
  apart: [],
  posts: [],
  turns: 0,
  steps: 1,
  maxCrashes: 3,
  cancels: 1,
  deletes: 1,
  without: [],
  ...rest,
});

/**
 * Small enough to be exhausted in seconds, and each for what the others leave out. In each of them any three faults
 * happen together, of all kinds, but for those that it names: the test counts them.
 */
export const SCOPES = {
  /** A request that is sent twice under one key. */
  oneTurn: scope("a turn of two steps, three workers", {
    posts: ["k", "k"],
    steps: 2,
    // Each request adds a job, and the reconciler none: nothing is in the queue that a third of these could take away.
    apart: choices(["flush queue", "lose job"], 3),
  }),
  /** One runs, one waits. */
  twoTurns: scope("two turns, two workers", { posts: ["k", "l"], workers: 2, maxCrashes: 2, deletes: 0 }),
  /** A request sent twice under one key, and another, over APIs that die. */
  posting: scope("three posts, two under one key", {
    posts: ["k", "k", "l"],
    workers: 1,
    maxCrashes: 4,
    cancels: 0,
    deletes: 0,
  }),
  /** A system whose reconciler has no way to a worker but the queue. It is not ours; see the mutant of the fixed job id. */
  queueOnly: scope("a reconciler that only wakes", {
    posts: ["k"],
    turns: 1,
    workers: 2,
    deletes: 0,
    without: ["claimsWithoutQueue"],
  }),
} as const;
