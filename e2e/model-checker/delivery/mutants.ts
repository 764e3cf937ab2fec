// PURE
import type { Rule, Scope } from "./rules.ts";
import { SCOPES } from "./scopes.ts";

/** The protocol less one rule, and the invariant that this must break. */
export interface Mutant {
  name: string;
  without: Rule;
  scope: Scope;
  breaks: string;
}

const oneFault = (scope: Scope): Scope => ({ ...scope, faults: 1 });

/*
 * Four of them would hold with the position check, which repairs within two seconds whatever the gateway missed. They run
 * where it is off and where somebody notices every fault: there the rule alone stands between a viewer and a stale text.
 */
const unchecked = oneFault(SCOPES.noticed);
const short = { ...SCOPES.twoViewers, viewers: 1 };

export const MUTANTS: readonly Mutant[] = [
  { name: "reading the log before subscribing", without: "subscribeBeforeReading", scope: unchecked, breaks: "D7" },
  { name: "no join after a resubscribe", without: "joinAfterResubscribe", scope: unchecked, breaks: "D7" },
  { name: "a hole that a pass forgets", without: "holeRepeatsPass", scope: unchecked, breaks: "D7" },
  {
    name: "a merge that ignores a buffered misfit",
    without: "joinAgainOnBufferedMisfit",
    scope: unchecked,
    breaks: "D7",
  },
  { name: "no position check", without: "positionCheck", scope: short, breaks: "D7" },
  { name: "frames without an epoch", without: "epochs", scope: short, breaks: "D4" },
  { name: "epochs without a nonce", without: "nonces", scope: SCOPES.stranger, breaks: "D1" },
  { name: "an unfenced draft", without: "fencedDrafts", scope: short, breaks: "T4" },
  { name: "a draft without its number", without: "draftsWithNumber", scope: short, breaks: "T4" },
  { name: "a late write that is not refused", without: "lateWritesRefused", scope: SCOPES.twoSteps, breaks: "T4" },
  { name: "a claim that keeps the text", without: "claimResetsText", scope: short, breaks: "T4" },
  { name: "the end told before its commit", without: "commitBeforeTellingTheEnd", scope: short, breaks: "D5" },
  { name: "a client that applies blindly", without: "clientJudges", scope: short, breaks: "D2" },
  {
    name: "a forced cancel without an attempt of its own",
    without: "endTakesAttempt",
    scope: SCOPES.twoSteps,
    breaks: "T4",
  },
  { name: "a log replayed after a deletion", without: "deletedNotReplayed", scope: short, breaks: "T11" },
];
