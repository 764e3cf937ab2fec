// PURE
import {
  classifyPosition,
  compareEpochs,
  type Epoch,
  type Position,
  type SessionFrame,
  START,
  sameEpoch,
} from "@boocode/contracts";
import { endsTurn } from "./classify-live.ts";
import { mergeDeltas } from "./merge-deltas.ts";

/** A frame as the log holds it. */
export interface Logged {
  position: Position;
  json: string;
}

/** A turn as Postgres has it now, and the frames of its epoch that the log holds, in order. */
export interface KnownTurn {
  epoch: Epoch;
  lastSeq: number;
  ended: boolean;
  log: Logged[];
  /** The frame that replaces all frames up to `lastSeq`. */
  snapshot(): SessionFrame;
}

/** The frames to send to a joining subscriber. */
export interface JoinPlan {
  /** The cursor before the first of them. */
  from: Position;
  /** Each with the cursor after it. */
  frames: { json: string; position: Position }[];
  /** The cursor after the last of them. */
  cursor: Position;
  /** The turn at that cursor has ended, or there is no turn yet. */
  isOver: boolean;
}

/**
 * Plans the frames that bring a subscriber from its cursor up to date, without gaps or duplicates. Each turn is replayed from
 * the log where possible; otherwise it is sent as a snapshot, followed by the frames that the log has after it.
 * @param cursor null for a client that has none
 * @param turns those from the cursor's turn on, oldest first; the newest is always among them
 */
export function planJoin(cursor: Position | null, turns: readonly KnownTurn[]): JoinPlan {
  const from = cursor ?? startOf(turns.at(-1));
  const known = cursor ? turns : turns.slice(-1).filter((turn) => !turn.ended);
  const plan: JoinPlan = { from, frames: [], cursor: from, isOver: false };
  for (const turn of known) {
    const isLast = turn === known.at(-1);
    if (turn.epoch.ordinal < from.epoch.ordinal && !isLast) continue;
    addTurn(plan, turn, cursor === null);
  }
  return { ...plan, isOver: isOver(plan, turns.at(-1)) };
}

function isOver({ cursor, frames }: JoinPlan, newest: KnownTurn | undefined): boolean {
  if (!newest) return cursor.epoch.ordinal === START.epoch.ordinal;
  // The turn may have ended since its row was read. The last frame can also be that of the turn before.
  const last = frames.at(-1);
  return newest.ended || (last !== undefined && sameEpoch(last.position.epoch, newest.epoch) && endsTurn(last.json));
}

/** Where a subscriber without a cursor starts: at the end of the newest turn if it has ended, else at its beginning. */
function startOf(newest: KnownTurn | undefined): Position {
  if (!newest) return START;
  return { epoch: newest.epoch, seq: newest.ended ? newest.lastSeq : 0 };
}

function addTurn(plan: JoinPlan, turn: KnownTurn, isFresh: boolean): void {
  const base = isFresh ? null : replayBase(plan.cursor, turn.epoch);
  if (base) {
    const replay = framesAfter(base, turn.log);
    const end = replay.at(-1)?.position ?? base;
    // A log that was trimmed or lost ends before the last committed frame.
    if (end.seq >= turn.lastSeq) {
      plan.frames.push(...mergeDeltas(replay));
      plan.cursor = end;
      return;
    }
  }
  const position = { epoch: turn.epoch, seq: turn.lastSeq };
  const after = framesAfter(position, turn.log);
  plan.frames.push({ json: JSON.stringify(turn.snapshot()), position }, ...mergeDeltas(after));
  plan.cursor = after.at(-1)?.position ?? position;
}

/**
 * Where a replay of a turn's log can start: at the cursor if it is in the same epoch, or at the beginning of the first attempt
 * of a later turn. The log of a later attempt lacks what earlier attempts committed.
 * @returns null when the turn cannot be replayed
 */
function replayBase(cursor: Position, epoch: Epoch): Position | null {
  if (sameEpoch(cursor.epoch, epoch)) return cursor;
  return compareEpochs(cursor.epoch, epoch) < 0 && cursor.epoch.ordinal < epoch.ordinal && epoch.attempt === 1
    ? { epoch, seq: 0 }
    : null;
}

/** @returns the frames that follow a position, up to the first gap */
export function framesAfter(position: Position, log: readonly Logged[]): Logged[] {
  const frames: Logged[] = [];
  let cursor = position;
  for (const frame of log) {
    const verdict = classifyPosition(cursor, frame.position);
    if (verdict === "old") continue;
    if (verdict === "misfit") break;
    frames.push(frame);
    cursor = frame.position;
  }
  return frames;
}
