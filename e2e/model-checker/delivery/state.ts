// PURE
import { type Epoch, formatCursor, type Position, START } from "@boocode/contracts";

/*
 * The world of the delivery model: one session, one gateway with its subscribers, two workers, Redis and Postgres. Everything is
 * a small value, and texts are strings of letters in which each letter tells the attempt that wrote it, so that two
 * attempts' words can never pass for each other.
 *
 * A frame's kind is one character: `*` the turn started, a letter is a delta, `+` a step is committed, and `!`, `-`, `#`
 * end the turn as complete, cancelled, failed. A frame is five characters: ordinal, attempt, nonce, seq, kind; its place is
 * the first four of them. One digit each is enough for a bounded scope.
 */

/** queued, running, cancelling (x), complete, cancelled (k), failed */
type Status = "q" | "r" | "x" | "!" | "-" | "#";

/** What one epoch produces, as an oracle: nobody in the model reads it. */
export interface Produced {
  /** The text that earlier attempts committed. */
  base: string;
  /** Where in the script of the turn this attempt began. */
  start: number;
  /** The kinds of its frames; the first has number 1. */
  frames: string;
}

/** A turn in Postgres, with its messages. */
export interface Row {
  status: Status;
  attempt: number;
  seq: number;
  /** The text of committed steps, and of the message that is being written. */
  done: string;
  draft: string;
  /** Where in the script the next attempt begins: after the last committed step. */
  next: number;
  lease: boolean;
  crashes: number;
  deleted: boolean;
  produced: readonly Produced[];
}

export interface Worker {
  /** Index of the turn; -1 while it has none. */
  turn: number;
  attempt: number;
  /** Frames that it believes are in the log. */
  sent: number;
}

/** A pass of the topic over its joining subscribers. */
export interface Pass {
  who: number;
  rows: readonly Row[];
  /** What came in since the rows were read, less what they cover. */
  buffer: string;
  /** Once the log is read too: what becomes of each subscriber, with all that came in. Nothing else is kept of what was read. */
  answers: readonly (Answer | null)[] | null;
  /** The rows are those of an earlier pass, and good for this one if the log leads from them to this place. */
  goal: string | null;
  /** The subscription had a gap while this pass was reading. */
  holed: boolean;
}

/** What a gateway sends to a subscriber, as the client needs it. */
export interface Sent {
  /** Where the client stands after it, and the first number that it covers. */
  place: string;
  firstSeq: number;
  kind: "snapshot" | "frame";
  /** The text of a delta, or the whole text of a snapshot. */
  text: string;
  /** How the turn ended, if this tells of it. */
  end: string;
  /** It has text of messages that were deleted when it was put together. */
  ofDeleted: boolean;
}

/** What a pass will send to one subscriber. */
export interface Answer {
  frames: readonly Sent[];
  /** Where the subscriber then stands. */
  cursor: string;
  /** Something came in that does not fit: it joins again. */
  again: boolean;
}

export interface Gateway {
  /** The session's channel: not asked for, acknowledged, or down with the whole connection. */
  channel: "none" | "up" | "down";
  /** Published and not yet received. */
  arriving: string;
  pass: Pass | null;
  /** What a pass read last, for those who join soon after; null where that is not kept. */
  kept: readonly Row[] | null;
  /** The newest place that was heard of. */
  newest: string;
}

/** A subscriber: what the gateway holds of it, and what its client shows. */
export interface Subscriber {
  mode: "away" | "joining" | "live";
  /** The gateway's cursor for it. */
  at: string;
  /** Its socket is broken, and neither side has noticed: what is sent is lost. */
  dead: boolean;
  cursor: string;
  /** By turn. */
  texts: readonly string[];
  ends: readonly string[];
  /** An answer of REST that is on its way. */
  loading: readonly Row[] | null;
}

export interface World {
  rows: readonly Row[];
  workers: readonly Worker[];
  /** Every frame in Redis, oldest first. */
  log: string;
  /** The frame of a turn that the reconciler ended, before it is appended. */
  orphanEnd: string;
  /** A copy of a step's commit, on its way to Postgres by a connection that hangs. */
  late: { turn: number; attempt: number; seq: number } | null;
  gateway: Gateway;
  subscribers: readonly Subscriber[];
  faults: number;
  /** An invariant that the last step itself broke. */
  wrong: string;
}

/** Turns are given as scripts, for instance `ab+c!`: two deltas, a step, a delta, the end. */
export function begin(turns: number, subscribers: number, faults: number, strangersLog: string): World {
  const row: Row = {
    status: "q",
    attempt: 0,
    seq: 0,
    done: "",
    draft: "",
    next: 0,
    lease: false,
    crashes: 0,
    deleted: false,
    produced: [],
  };
  const nothing = Array.from({ length: turns }, () => "");
  const away = { mode: "away", at: "00n0", dead: false, cursor: "00n0", loading: null } as const;
  return {
    rows: nothing.map(() => row),
    workers: [IDLE, IDLE],
    log: strangersLog,
    orphanEnd: "",
    late: null,
    gateway: UNWATCHED,
    subscribers: Array.from({ length: subscribers }, () => ({ ...away, texts: nothing, ends: nothing })),
    faults,
    wrong: "",
  };
}

export const IDLE: Worker = { turn: -1, attempt: 0, sent: 0 };

export const UNWATCHED: Gateway = { channel: "none", arriving: "", pass: null, kept: null, newest: "00n0" };

export const isLetter = (kind: string) => kind > "@";
export const hasEnded = (row: Row) => row.status === "!" || row.status === "-" || row.status === "#";
export const stored = (row: Row) => row.done + row.draft;

/** What an epoch's text is after so many of its frames. */
export function textAt(row: Row, attempt: number, seq: number): string {
  const epoch = row.produced[attempt - 1];
  if (!epoch) return "";
  let text = epoch.base;
  for (let i = 0; i < seq && i < epoch.frames.length; i++) if (isLetter(epoch.frames[i]!)) text += epoch.frames[i];
  return text;
}

const positions = new Map<string, Position>();

/** The place that the first four characters of a frame name. */
export function placeOf(text: string): Position {
  let place = positions.get(text);
  if (!place) {
    const epoch: Epoch = { ordinal: Number(text[0]), attempt: Number(text[1]), nonce: text[2]! };
    place = epoch.ordinal === 0 ? START : { epoch, seq: Number(text[3]) };
    positions.set(text, place);
  }
  return place;
}

/** A place as it goes over the wire. */
export const cursorOf = (text: string) => formatCursor(placeOf(text));

export function nameOf({ epoch, seq }: Position): string {
  return epoch.ordinal === 0 ? "00n0" : `${epoch.ordinal}${epoch.attempt}${epoch.nonce}${seq}`;
}

export function framesOf(log: string): string[] {
  const frames: string[] = [];
  for (let i = 0; i < log.length; i += 5) frames.push(log.slice(i, i + 5));
  return frames;
}
