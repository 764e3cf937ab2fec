// PURE
import type { Rule, Scope } from "./rules.ts";
import { TURNS, WATCHING } from "./scopes.ts";

/** The protocol without one rule, and the invariant that must break. */
export interface Mutant {
  name: string;
  without: Rule;
  scope: Scope;
  breaks: string;
}

const oneFault = (scope: Scope): Scope => ({ ...scope, faults: 1 });

/*
 * The position check repairs within two seconds whatever the gateway missed, and would hide the mutants in `unchecked`. That
 * scope has no check and only faults that are noticed, so that only the dropped rule keeps a text from staying stale.
 */
const unchecked = oneFault(WATCHING.noticed);
const sharing = oneFault(WATCHING.sharing);
const short = { ...sharing, sharesReads: false };
const twoSteps = oneFault(TURNS.twoSteps);
const { threeTurns } = WATCHING;
const stranger = oneFault(WATCHING.stranger);

export const MUTANTS: readonly Mutant[] = [
  { name: "reading the log before subscribing", without: "subscribeBeforeReading", scope: unchecked, breaks: "D7" },
  { name: "no join after a resubscribe", without: "joinAfterResubscribe", scope: unchecked, breaks: "D7" },
  { name: "a gap that a catch-up ignores", without: "gapRepeatsCatchUp", scope: unchecked, breaks: "D7" },
  {
    name: "a catch-up that ignores a gap in its buffer",
    without: "joinAgainOnBufferedGap",
    scope: unchecked,
    breaks: "D7",
  },
  {
    name: "a cached read from which the log does not lead on",
    without: "cachedReadsReachNewest",
    scope: unchecked,
    breaks: "D7",
  },
  { name: "a gap that keeps the cached read", without: "gapDropsCachedRead", scope: unchecked, breaks: "D7" },
  /* The subscriber joins, the cached read has nothing new, the check finds it behind, it joins, and so on without end. */
  {
    name: "a position check that the cached read ignores",
    without: "checkAdvancesNewest",
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
  {
    name: "an end that is published before its commit",
    without: "commitBeforePublishingTheEnd",
    scope: short,
    breaks: "D5",
  },
  {
    name: "a turn that is followed before the end of the one before",
    without: "nextTurnAwaitsTheEnd",
    scope: threeTurns,
    breaks: "D3",
  },
  { name: "a turn that is followed past a missed one", without: "noTurnIsSkipped", scope: threeTurns, breaks: "D1" },
  {
    name: "a later attempt that is followed",
    without: "laterAttemptsAreJoined",
    scope: threeTurns,
    breaks: "D3",
  },
  { name: "a client that applies every frame", without: "clientJudges", scope: short, breaks: "D2" },
  {
    name: "a forced cancel without an attempt of its own",
    without: "endTakesAttempt",
    scope: twoSteps,
    breaks: "T4",
  },
  { name: "a log replayed after a deletion", without: "deletedNotReplayed", scope: short, breaks: "T11" },
];
