// PURE
import { type Epoch, formatCursor, type Position, START } from "@boocode/contracts";

/*
 * The state of the delivery model: one session, one gateway with its subscribers, two workers, Redis and Postgres. Everything
 * is a small value. Each letter of a text identifies the attempt that wrote it, so that two attempts never write the same text.
 *
 * A frame's kind is one character: `*` the turn started, a letter is a delta, `+` a step is committed, and `!`, `-`, `#`
 * end the turn as complete, cancelled, failed. A frame is five characters: ordinal, attempt, nonce, seq, kind. Its position is
 * the first four. One digit each is enough for a bounded scope.
 */

/** queued, running, cancelling (x), complete, cancelled (k), failed */
type Status = "q" | "r" | "x" | "!" | "-" | "#";

/** What one epoch produced. It is an oracle: no step of the protocol reads it. */
export interface Produced {
  /** The text that earlier attempts committed. */
  base: string;
  /** Where this attempt began in the turn's script. */
  start: number;
  /** The kinds of its frames, from seq 1 on. */
  frames: string;
}

/** A turn in Postgres, with its messages. */
export interface Row {
  status: Status;
  attempt: number;
  seq: number;
  /** The text of the committed steps, and of the streaming message. */
  done: string;
  draft: string;
  /** Where the next attempt begins in the script: after the last committed step. */
  next: number;
  lease: boolean;
  crashes: number;
  deleted: boolean;
  produced: readonly Produced[];
}

export interface Worker {
  /** Index of its turn; -1: idle. */
  turn: number;
  attempt: number;
  /** Frames that were appended, as far as the worker knows. */
  sent: number;
}

/** A catch-up that has read Postgres and not yet the log. */
export interface Reading {
  phase: "reading";
  /** A bit for each subscriber that it serves. */
  who: number;
  rows: readonly Row[];
  /** What was published since the rows were read, except for what they cover. */
  buffer: string;
  /** If the rows are a cached read: the position to which the log must lead from them. null: they were just read. */
  goal: string | null;
  /** The subscription had a gap since the catch-up began. */
  interrupted: boolean;
}

/** A catch-up that has read everything. */
export interface Planned {
  phase: "planned";
  /** By subscriber; null: not served. */
  plans: readonly (Plan | null)[];
  interrupted: boolean;
}

export type CatchUp = Reading | Planned;

/** A frame to a subscriber, as far as the client needs it. */
export interface Sent {
  /** The client's cursor after it, and the first seq that it covers. */
  position: string;
  firstSeq: number;
  kind: "snapshot" | "frame";
  /** The text of a delta, or the whole text of a snapshot. */
  text: string;
  /** How the turn ended, if the frame ends it. */
  end: string;
  /** It holds text of messages that were deleted before the frame was built. */
  ofDeleted: boolean;
}

/** The frames that a catch-up will send to one subscriber. */
export interface Plan {
  frames: readonly Sent[];
  /** The subscriber's cursor after them. */
  cursor: string;
  /** The turn at that cursor has ended. */
  over: boolean;
  /** A buffered frame left a gap: the subscriber joins again. */
  again: boolean;
}

export interface Gateway {
  /** The session's channel: not subscribed, subscribed, or down with the connection. */
  channel: "none" | "up" | "down";
  /** Published and not yet received. */
  arriving: string;
  catchUp: CatchUp | null;
  /** The last read of Postgres, shared by later catch-ups; null where it is not cached. */
  cached: readonly Row[] | null;
  /** The newest position that a frame or the position check has shown. */
  newest: string;
}

/** A subscriber: what the gateway knows of it, and what its client shows. */
export interface Subscriber {
  mode: "away" | "joining" | "live";
  /** The cursor that the gateway keeps for it. */
  at: string;
  /** While live: the gateway has sent the end of the turn at that cursor, or there was no turn yet. */
  over: boolean;
  /** Its socket is broken and neither side has noticed: frames to it are lost. */
  dead: boolean;
  /** The client's cursor. */
  cursor: string;
  /** What the client shows, by turn. */
  texts: readonly string[];
  ends: readonly string[];
  /** The rows of a REST answer that is on its way. */
  loading: readonly Row[] | null;
}

export interface World {
  rows: readonly Row[];
  workers: readonly Worker[];
  /** Every frame in Redis, oldest first. */
  log: string;
  /** The end frame of a turn that the reconciler ended, until it is appended. */
  orphanEnd: string;
  /** A copy of a step's commit, on its way to Postgres over a connection that hangs. */
  late: { turn: number; attempt: number; seq: number } | null;
  gateway: Gateway;
  subscribers: readonly Subscriber[];
  faults: number;
  /** The invariant that the last step broke, if one did. */
  wrong: string;
}

/** The initial state. A turn has a script, for instance `ab+c!`: two deltas, a step, a delta, the end. */
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
  const away = { mode: "away", at: "00n0", over: false, dead: false, cursor: "00n0", loading: null } as const;
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

export const UNWATCHED: Gateway = { channel: "none", arriving: "", catchUp: null, cached: null, newest: "00n0" };

export const isLetter = (kind: string) => kind > "@";
export const hasEnded = (row: Row) => row.status === "!" || row.status === "-" || row.status === "#";
export const stored = (row: Row) => row.done + row.draft;

/** The text of an epoch after its first `seq` frames. */
export function textAt(row: Row, attempt: number, seq: number): string {
  const epoch = row.produced[attempt - 1];
  if (!epoch) return "";
  let text = epoch.base;
  for (let i = 0; i < seq && i < epoch.frames.length; i++) if (isLetter(epoch.frames[i]!)) text += epoch.frames[i];
  return text;
}

const positions = new Map<string, Position>();

/** The position in the first four characters of a frame. */
export function positionOf(text: string): Position {
  let position = positions.get(text);
  if (!position) {
    const epoch: Epoch = { ordinal: Number(text[0]), attempt: Number(text[1]), nonce: text[2]! };
    position = epoch.ordinal === 0 ? START : { epoch, seq: Number(text[3]) };
    positions.set(text, position);
  }
  return position;
}

/** A position in the form that clients keep. */
export const cursorOf = (text: string) => formatCursor(positionOf(text));

export function nameOf({ epoch, seq }: Position): string {
  return epoch.ordinal === 0 ? "00n0" : `${epoch.ordinal}${epoch.attempt}${epoch.nonce}${seq}`;
}

export function framesOf(log: string): string[] {
  const frames: string[] = [];
  for (let i = 0; i < log.length; i += 5) frames.push(log.slice(i, i + 5));
  return frames;
}
