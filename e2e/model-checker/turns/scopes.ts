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
 * Each scope is small enough to be explored fully in seconds, and covers what the others leave out. In each, every combination
 * of three fault kinds occurs, except those in `apart`; the test checks this.
 */
export const SCOPES = {
  /** A request that is sent twice with one key. */
  oneTurn: scope("a turn of two steps, three workers", {
    posts: ["k", "k"],
    steps: 2,
    // The two requests add one job each, and the reconciler adds none, so the third of three such faults finds no job.
    apart: choices(["flush queue", "lose job"], 3),
  }),
  /** One turn runs, one waits. */
  twoTurns: scope("two turns, two workers", { posts: ["k", "l"], workers: 2, maxCrashes: 2, deletes: 0 }),
  /** A request that is sent twice with one key, and another one, over APIs that die. */
  posting: scope("three posts, two with one key", {
    posts: ["k", "k", "l"],
    workers: 1,
    maxCrashes: 4,
    cancels: 0,
    deletes: 0,
  }),
  /** A system other than ours, whose reconciler only sends wake-ups; see the mutant of the fixed job id. */
  queueOnly: scope("a reconciler that only sends wake-ups", {
    posts: ["k"],
    turns: 1,
    workers: 2,
    deletes: 0,
    without: ["claimsWithoutQueue"],
  }),
} as const;
