// PURE
import type { Rule, Scope } from "./rules.ts";
import { SCOPES } from "./scopes.ts";

/** The protocol without one rule, and the invariant that must break. */
export interface Mutant {
  name: string;
  without: Rule;
  scope: Scope;
  breaks: string;
}

const { oneTurn, twoTurns, posting, queueOnly } = SCOPES;

export const MUTANTS: readonly Mutant[] = [
  { name: "no reconciler", without: "reconciler", scope: oneTurn, breaks: "T9" },
  /*
   * In the real system this strands no turn: the reconciler claims due turns from Postgres, and a job that the queue ignores
   * costs a second (a test in `mutants.test.ts` shows it). It matters where the queue is the only way to a worker.
   */
  {
    name: "a fixed job id, where only the queue wakes workers",
    without: "freshJobIds",
    scope: queueOnly,
    breaks: "T9",
  },
  { name: "no idempotency row", without: "keyRow", scope: posting, breaks: "T6" },
  { name: "an answer before the commit", without: "answerAfterCommit", scope: posting, breaks: "T8" },
  { name: "an unfenced draft", without: "fencedDrafts", scope: oneTurn, breaks: "T10" },
  { name: "an unfenced step", without: "fencedSteps", scope: oneTurn, breaks: "T10" },
  { name: "an unfenced finish", without: "fencedFinish", scope: oneTurn, breaks: "T12" },
  { name: "steps that are not numbered", without: "stepsByNumber", scope: oneTurn, breaks: "T2" },
  { name: "a claim that keeps the text", without: "claimResetsText", scope: oneTurn, breaks: "T4" },
  { name: "a claim that does not look at the session", without: "claimLooksAtSession", scope: twoTurns, breaks: "T7" },
  { name: "crashes that are not counted", without: "crashesCount", scope: oneTurn, breaks: "T5" },
  { name: "a release that counts as a crash", without: "releaseKeepsCrashes", scope: oneTurn, breaks: "T5" },
  { name: "a cancel without compare-and-set", without: "cancelCompares", scope: oneTurn, breaks: "T1" },
  { name: "a completion without compare-and-set", without: "finishCompares", scope: oneTurn, breaks: "T12" },
  { name: "a withdrawn turn that leaves its message", without: "withdrawEndsMessage", scope: oneTurn, breaks: "T3" },
  { name: "a deletion that cancels later", without: "deleteCancels", scope: oneTurn, breaks: "T11" },
];
