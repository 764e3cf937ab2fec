// PURE

/** The turn protocol, rule by rule. A mutant is the protocol with one of them taken away. */
export const PROTOCOL = {
  /** The idempotency row is written, and looked for, in the transaction of the post. */
  keyRow: true,
  answerAfterCommit: true,
  reconciler: true,
  /** Due turns are claimed from Postgres; without it the reconciler only wakes workers through the queue again. */
  claimsWithoutQueue: true,
  /** A job's id is new each time; a fixed one that still exists makes the queue ignore the next job without a word. */
  freshJobIds: true,
  fencedDrafts: true,
  fencedSteps: true,
  fencedFinish: true,
  /** A step is written under (turn, step), so that writing it again changes nothing. */
  stepsByNumber: true,
  claimResetsText: true,
  /** A claim finds the session's turns idle, and no earlier one waiting. */
  claimLooksAtSession: true,
  /** A lease that ended is counted, and a turn given up after so many. */
  crashesCount: true,
  cancelCompares: true,
  finishCompares: true,
  /** Withdrawing a turn that an earlier attempt wrote for also ends the message that it left. */
  withdrawEndsMessage: true,
  /** Deleting cancels in the same transaction. */
  deleteCancels: true,
  releaseKeepsCrashes: true,
};

export type Rules = typeof PROTOCOL;
export type Rule = keyof Rules;

/** What can go wrong. Each costs one of the scope's faults. */
export const FAULTS = [
  "kill api",
  /** The client hears no answer and posts again with the same key. */
  "lose answer",
  "lose job",
  "double job",
  "flush queue",
  "kill worker",
  /** SIGSTOP, or a worker cut off from Postgres: its lease may run out, and it goes on afterwards. */
  "pause worker",
  /** A write is done and its answer lost: it is made again. */
  "repeat step",
  "sigterm",
] as const;

export type Fault = (typeof FAULTS)[number];

export interface Scope {
  name: string;
  workers: number;
  faults: number;
  /** As `choices` names them: as many faults as the scope has, and that cannot happen together in it. */
  apart: readonly string[];
  /** Posts by key, each by an API of its own; the same key twice is a client that sends its request again. */
  posts: readonly string[];
  /** Turns that are there in the beginning. */
  turns: number;
  steps: number;
  maxCrashes: number;
  cancels: number;
  deletes: number;
  without: readonly Rule[];
}
