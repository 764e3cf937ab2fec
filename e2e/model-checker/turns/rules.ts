// PURE

/** The rules of the turn protocol. A mutant is the protocol without one of them. */
export const PROTOCOL = {
  /** The idempotency row is read and written in the transaction of the post. */
  keyRow: true,
  answerAfterCommit: true,
  reconciler: true,
  /** Due turns are claimed from Postgres; without this the reconciler only sends another wake-up. */
  claimsWithoutQueue: true,
  /** Each job has a new id; the queue silently ignores a job whose id still exists. */
  freshJobIds: true,
  fencedDrafts: true,
  fencedSteps: true,
  fencedFinish: true,
  /** A step is written under (turn, step), so that a second write changes nothing. */
  stepsByNumber: true,
  claimResetsText: true,
  /** A claim requires that no turn of the session is active, and that no earlier one waits. */
  claimLooksAtSession: true,
  /** An expired lease counts as a crash, and a turn fails after `maxCrashes`. */
  crashesCount: true,
  cancelCompares: true,
  finishCompares: true,
  /** Withdrawing a turn also ends the message that an earlier attempt left. */
  withdrawEndsMessage: true,
  /** Deleting cancels in the same transaction. */
  deleteCancels: true,
  releaseKeepsCrashes: true,
};

export type Rules = typeof PROTOCOL;
export type Rule = keyof Rules;

/** Each fault costs one of the scope's faults. */
export const FAULTS = [
  "kill api",
  /** The answer is lost, and the client posts again with the same key. */
  "lose answer",
  "lose job",
  "double job",
  "flush queue",
  "kill worker",
  /** SIGSTOP, or a worker cut off from Postgres: its lease may expire, and it goes on afterwards. */
  "pause worker",
  /** A write is committed, its answer is lost, and it is retried. */
  "repeat step",
  "sigterm",
] as const;

export type Fault = (typeof FAULTS)[number];

export interface Scope {
  name: string;
  workers: number;
  faults: number;
  /** Choices of `faults` faults that cannot happen together in this scope, as `choices` names them. */
  apart: readonly string[];
  /** The key of each post. Each goes to an API of its own; a key that occurs twice is a client that retries. */
  posts: readonly string[];
  /** Turns that exist in the initial state. */
  turns: number;
  steps: number;
  maxCrashes: number;
  cancels: number;
  deletes: number;
  without: readonly Rule[];
}
