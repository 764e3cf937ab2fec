// PURE
import type { Rule, Scope } from "./rules.ts";
import { TURNS, WATCHING } from "./scopes.ts";

/** The protocol without one rule, and the invariant that this must break. */
export interface Mutant {
  name: string;
  without: Rule;
  scope: Scope;
  breaks: string;
}

const oneFault = (scope: Scope): Scope => ({ ...scope, faults: 1 });

/**
 * The position check repairs within two seconds whatever the gateway missed, so these mutants would hold with it. In
 * `unchecked` it is off, and every fault is noticed: only the rule itself prevents a subscriber from showing stale text.
 */
const unchecked = oneFault(WATCHING.noticed);
const sharing = oneFault(WATCHING.sharing);
const short = { ...sharing, sharesReads: false };
const twoSteps = oneFault(TURNS.twoSteps);
const stranger = oneFault(WATCHING.stranger);

export const MUTANTS: readonly Mutant[] = [
  { name: "reading the log before subscribing", without: "subscribeBeforeReading", scope: unchecked, breaks: "D7" },
  { name: "no join after a resubscribe", without: "joinAfterResubscribe", scope: unchecked, breaks: "D7" },
  { name: "a gap that a pass forgets", without: "gapRepeatsPass", scope: unchecked, breaks: "D7" },
  {
    name: "a merge that ignores a buffered misfit",
    without: "joinAgainOnBufferedMisfit",
    scope: unchecked,
    breaks: "D7",
  },
  {
    name: "a shared read that the log does not lead on from",
    without: "sharedReadsReach",
    scope: unchecked,
    breaks: "D7",
  },
  { name: "a gap that leaves what was read before it", without: "gapForgetsReads", scope: unchecked, breaks: "D7" },
  /** Endless loop: join, find nothing new in the cached read, be found behind, join again. */
  {
    name: "a position check that the reads are not told of",
    without: "checkTellsReads",
    scope: sharing,
    breaks: "D7/T9",
  },
  { name: "no position check", without: "positionCheck", scope: short, breaks: "D7" },
  { name: "frames without an epoch", without: "epochs", scope: short, breaks: "D4" },
  { name: "epochs without a nonce", without: "nonces", scope: stranger, breaks: "D1" },
  { name: "an unfenced draft", without: "fencedDrafts", scope: short, breaks: "T4" },
  { name: "a draft without its number", without: "draftsWithNumber", scope: short, breaks: "T4" },
  { name: "a late write that is not refused", without: "lateWritesRefused", scope: twoSteps, breaks: "T4" },
  { name: "a claim that keeps the text", without: "claimResetsText", scope: short, breaks: "T4" },
  { name: "the end told before its commit", without: "commitBeforeTellingTheEnd", scope: short, breaks: "D5" },
  { name: "a client that applies blindly", without: "clientJudges", scope: short, breaks: "D2" },
  {
    name: "a forced cancel without an attempt of its own",
    without: "endTakesAttempt",
    scope: twoSteps,
    breaks: "T4",
  },
  { name: "a log replayed after a deletion", without: "deletedNotReplayed", scope: short, breaks: "T11" },
];
