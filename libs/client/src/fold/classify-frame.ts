// PURE
import { compareEpochs, judge, type Position, parseCursor } from "@boocode/contracts/position";
import { hasEnded, type SessionView } from "./session-view.ts";

/** The place that a frame states; null when it states none. */
export function placeOf(frame: object): (Position & { firstSeq?: number }) | null {
  const { cursor, first_seq: firstSeq } = frame as { cursor?: unknown; first_seq?: unknown };
  const position = typeof cursor === "string" ? parseCursor(cursor) : null;
  if (!position) return null;
  return typeof firstSeq === "number" ? { ...position, firstSeq } : position;
}

/**
 * The cursor rule for one client. Besides the next frame of the same epoch, the first frame of a later turn fits, once the
 * turn before it is over: a first attempt has nothing that its own frames do not tell. A later attempt begins with what
 * earlier ones committed, which only a snapshot tells.
 */
export function classifyFrame(view: SessionView, place: Position & { firstSeq?: number }): "next" | "old" | "misfit" {
  const cursor = parseCursor(view.cursor) as Position;
  const verdict = judge(cursor, place);
  if (verdict !== "misfit") return verdict;
  const begins =
    place.epoch.ordinal > cursor.epoch.ordinal && place.epoch.attempt === 1 && (place.firstSeq ?? place.seq) === 1;
  return begins && isOver(view) ? "next" : "misfit";
}

/** A snapshot holds everything up to its place: it fits unless the client is beyond it (D2). */
export function classifySnapshot(view: SessionView, place: Position): "fits" | "old" {
  const cursor = parseCursor(view.cursor) as Position;
  const same = compareEpochs(place.epoch, cursor.epoch);
  if (same !== 0) return same < 0 ? "old" : "fits";
  return place.epoch.nonce === cursor.epoch.nonce && place.seq < cursor.seq ? "old" : "fits";
}

/** Whether nothing more is to come of the turn at which the view stands. */
export function isOver(view: SessionView): boolean {
  const ordinal = parseCursor(view.cursor)?.epoch.ordinal;
  const turn = Object.values(view.turns).find((one) => one.ordinal === ordinal);
  return !turn || hasEnded(turn);
}
