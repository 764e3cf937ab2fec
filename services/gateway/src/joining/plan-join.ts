// PURE
import {
  compareEpochs,
  type Epoch,
  formatCursor,
  judge,
  type Position,
  type SessionFrame,
  START,
  sameEpoch,
} from "@boocode/contracts";
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
  /** The frame that stands in for everything up to `lastSeq`. */
  snapshot(): SessionFrame;
}

/** What a subscriber is sent to catch up, each with the place that it then has. */
export interface CatchUp {
  /** Where the subscriber stood before it: a reconnect from here would get the same again. */
  from: Position;
  frames: { json: string; position: Position }[];
  cursor: Position;
}

/**
 * Brings a subscriber from its cursor to what is known now. A turn whose frames it can still be given is replayed, anything
 * else is one snapshot and then the log after it; nothing is sent twice and nothing is left out.
 * @param turns from the cursor's turn on, and always the newest; oldest first
 */
export function planJoin(cursor: Position | null, turns: readonly KnownTurn[]): CatchUp {
  const from = cursor ?? startOf(turns.at(-1));
  const known = cursor ? turns : turns.slice(-1).filter((turn) => !turn.ended);
  const catchUp: CatchUp = { from, frames: [], cursor: from };
  for (const turn of known) {
    const last = turn === known.at(-1);
    if (turn.epoch.ordinal < from.epoch.ordinal && !last) continue;
    bring(catchUp, turn, cursor === null);
  }
  return catchUp;
}

/** Where a subscriber without a cursor begins: at the end of a turn that has ended, at the beginning of one that has not. */
function startOf(newest: KnownTurn | undefined): Position {
  if (!newest) return START;
  return { epoch: newest.epoch, seq: newest.ended ? newest.lastSeq : 0 };
}

function bring(catchUp: CatchUp, turn: KnownTurn, fresh: boolean): void {
  const base = fresh ? null : replayBase(catchUp.cursor, turn.epoch);
  if (base) {
    const replay = following(base, turn.log);
    const end = replay.at(-1)?.position ?? base;
    // What is committed must be reached: a log that was trimmed or lost does not get there.
    if (end.seq >= turn.lastSeq) {
      catchUp.frames.push(...mergeDeltas(replay));
      catchUp.cursor = end;
      return;
    }
  }
  const place = { epoch: turn.epoch, seq: turn.lastSeq };
  const after = following(place, turn.log);
  catchUp.frames.push({ json: JSON.stringify(turn.snapshot()), position: place }, ...mergeDeltas(after));
  catchUp.cursor = after.at(-1)?.position ?? place;
}

/**
 * From where a turn's log can be replayed to this subscriber: its own place in the same epoch, or the beginning of a turn
 * that it has seen nothing of. The beginning will not do for a later attempt, whose log lacks what earlier ones committed.
 */
function replayBase(cursor: Position, epoch: Epoch): Position | null {
  if (sameEpoch(cursor.epoch, epoch)) return cursor;
  return compareEpochs(cursor.epoch, epoch) < 0 && cursor.epoch.ordinal < epoch.ordinal && epoch.attempt === 1
    ? { epoch, seq: 0 }
    : null;
}

/** The frames that follow a place without a gap. */
export function following(place: Position, log: readonly Logged[]): Logged[] {
  const frames: Logged[] = [];
  let cursor = place;
  for (const frame of log) {
    const verdict = judge(cursor, frame.position);
    if (verdict === "old") continue;
    if (verdict === "misfit") break;
    frames.push(frame);
    cursor = frame.position;
  }
  return frames;
}

/** The event id of a place. */
export const idOf = (position: Position) => formatCursor(position);
