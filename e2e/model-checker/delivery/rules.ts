// PURE

/** The rules of the protocol. A mutant is the protocol without one of them. */
export const PROTOCOL = {
  subscribeBeforeReading: true,
  joinAfterResubscribe: true,
  positionCheck: true,
  /** Frames, cursors and logs include the attempt. */
  epochs: true,
  /** Epochs differ from those of another database that used the same Redis. */
  nonces: true,
  fencedDrafts: true,
  /** A draft's text and number are saved together. */
  draftsWithNumber: true,
  commitBeforeTellingTheEnd: true,
  clientJudges: true,
  /** A buffered frame that does not fit starts the join again. */
  joinAgainOnBufferedMisfit: true,
  claimResetsText: true,
  /** A turn that is ended for its worker is ended under an attempt of its own. */
  endTakesAttempt: true,
  /** A write that comes late, after a newer one of the same attempt, changes nothing. */
  lateWritesRefused: true,
  /** A gap of the subscription makes a pass that is reading read again. */
  gapRepeatsPass: true,
  /** What was read before is used only if the log leads from it to the newest place that was heard of. */
  sharedReadsReach: true,
  /** What the position check saw is a place that was heard of. */
  checkTellsReads: true,
  /** A gap makes what was read before useless. */
  gapForgetsReads: true,
  /** The log of a turn that lost messages is not replayed. */
  deletedNotReplayed: true,
};

export type Rules = typeof PROTOCOL;
export type Rule = keyof Rules;

/** What can go wrong, or happen at a bad moment. Each costs one of the scope's faults, if it is not free there. */
export const FAULTS = [
  /** Pub/sub loses one message without a word. */
  "lose",
  /** Redis refuses a frame for so long that the worker drops it from its buffer. */
  "refuse",
  /** The answer to an append is lost, and the append is made again. */
  "resend",
  "flush",
  "trim",
  "kill worker",
  /** The worker dies between the commit of a turn's end and the frame that tells of it. */
  "kill worker at the end",
  /** The worker is stopped or cut off for longer than its lease, and goes on afterwards. */
  "lose lease",
  /** The reconciler dies between the commit of an end and its frame. */
  "kill reconciler",
  /** The answer to a commit is lost; it is made again, and its first copy arrives some time later. */
  "late write",
  "drop subscriber",
  "restart gateway",
  "break socket",
  /** A client loads the session by REST while it is subscribed; the answer takes its time. */
  "load by REST",
  "cancel",
  "delete messages",
] as const;

export type Fault = (typeof FAULTS)[number];

export interface Scope {
  name: string;
  /** One for each turn. */
  scripts: readonly string[];
  subscribers: number;
  faults: number;
  kinds: readonly Fault[];
  /** Those of them that cost none of the faults; only such as can happen once to a turn. */
  free: readonly Fault[];
  /** Crashes after which a turn is given up. */
  maxCrashes: number;
  /** Messages that may be on their way to the gateway at once. */
  channel: number;
  /** Frames that may wait in a worker when it numbers the next one. */
  lead: number;
  /** Joins may share an earlier read of Postgres; it costs states, and only some scopes need it. */
  sharesReads: boolean;
  /** The rules that this scope does without, besides a mutant's. */
  without: readonly Rule[];
  /** What another database left in this Redis. */
  strangersLog: string;
}
