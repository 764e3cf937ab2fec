// PURE

/** The rules of the delivery protocol. A mutant is the protocol without one of them. */
export const PROTOCOL = {
  subscribeBeforeReading: true,
  joinAfterResubscribe: true,
  positionCheck: true,
  /** Frames, cursors and logs carry the attempt. */
  epochs: true,
  /** Epochs differ from those of another database on the same Redis. */
  nonces: true,
  fencedDrafts: true,
  /** A draft's text and `last_seq` are saved together. */
  draftsWithNumber: true,
  commitBeforePublishingTheEnd: true,
  clientJudges: true,
  /** A gateway relays the first frame of a turn only after it has sent the end of the turn before. */
  nextTurnAwaitsTheEnd: true,
  /** It relays that of the very next turn only. */
  noTurnIsSkipped: true,
  /** It relays that of a first attempt only. */
  laterAttemptsAreJoined: true,
  /** A gap in the buffered frames starts the join again. */
  joinAgainOnBufferedGap: true,
  claimResetsText: true,
  /** The reconciler ends a turn under an attempt of its own. */
  endTakesAttempt: true,
  /** A write that arrives after a newer one of the same attempt changes nothing. */
  lateWritesRefused: true,
  /** After a gap in the subscription, the current catch-up is repeated. */
  gapRepeatsCatchUp: true,
  /** A cached read is used only if the log leads from it to the newest known position. */
  cachedReadsReachNewest: true,
  /** The position check advances the newest known position. */
  checkAdvancesNewest: true,
  /** A gap in the subscription drops the cached read. */
  gapDropsCachedRead: true,
  /** The log of a turn with deleted messages is not replayed. */
  deletedNotReplayed: true,
};

export type Rules = typeof PROTOCOL;
export type Rule = keyof Rules;

/** Faults, and user actions at a bad moment. Each costs one of the scope's faults unless it is free there. */
export const FAULTS = [
  /** Pub/sub silently loses one message. */
  "lose",
  /** Redis refuses a frame until the worker drops it from its buffer. */
  "refuse",
  /** The answer to an append is lost, and the append is retried. */
  "resend",
  "flush",
  "trim",
  "kill worker",
  /** The worker dies between the commit of a turn's end and its frame. */
  "kill worker at the end",
  /** The worker is paused or cut off for longer than its lease, and goes on afterwards. */
  "lose lease",
  /** The reconciler dies between the commit of an end and its frame. */
  "kill reconciler",
  /** The answer to a commit is lost; the commit is retried, and its first copy arrives later. */
  "late write",
  "drop subscriber",
  "restart gateway",
  "break socket",
  /** A client loads the session by REST while it is subscribed, and the answer is delayed. */
  "load by REST",
  "cancel",
  "delete messages",
] as const;

export type Fault = (typeof FAULTS)[number];

export interface Scope {
  name: string;
  /** One script for each turn. */
  scripts: readonly string[];
  subscribers: number;
  faults: number;
  kinds: readonly Fault[];
  /** Those of `kinds` that cost nothing; allowed only for faults that can happen at most once to a turn. */
  free: readonly Fault[];
  /** Crashes after which a turn is given up. */
  maxCrashes: number;
  /** How many messages may be on their way to the gateway. */
  channel: number;
  /** How many frames may wait in a worker when it numbers the next one. */
  lead: number;
  /** Catch-ups may share a cached read. This adds states, and only some scopes need it. */
  sharesReads: boolean;
  /** Rules that this scope drops, in addition to a mutant's. */
  without: readonly Rule[];
  /** Frames that another database left in this Redis. */
  strangersLog: string;
}
