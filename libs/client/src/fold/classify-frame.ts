// PURE
import { classifyPosition, compareEpochs, type Position, parseCursor } from "@boocode/contracts/position";
import { hasEnded, type SessionView } from "./session-view.ts";

/** @returns the position that a frame states; null when it states none */
export function placeOf(frame: object): (Position & { firstSeq?: number }) | null {
  const { cursor, first_seq: firstSeq } = frame as { cursor?: unknown; first_seq?: unknown };
  const position = typeof cursor === "string" ? parseCursor(cursor) : null;
  if (!position) return null;
  return typeof firstSeq === "number" ? { ...position, firstSeq } : position;
}

/**
 * The cursor rule for one client. The next frame is the one that follows in the same epoch or, once the turn at the cursor has
 * ended, the first frame of a later turn's first attempt: the frames of a first attempt are complete. A later attempt builds on
 * what earlier attempts committed, which only a snapshot supplies.
 */
export function classifyFrame(view: SessionView, place: Position & { firstSeq?: number }): "next" | "old" | "misfit" {
  const cursor = parseCursor(view.cursor) as Position;
  const verdict = classifyPosition(cursor, place);
  if (verdict !== "misfit") return verdict;
  const begins =
    place.epoch.ordinal > cursor.epoch.ordinal && place.epoch.attempt === 1 && (place.firstSeq ?? place.seq) === 1;
  return begins && isOver(view) ? "next" : "misfit";
}

/** A snapshot includes everything up to its position: it fits unless the client is ahead of it (D2). */
export function classifySnapshot(view: SessionView, place: Position): "fits" | "old" {
  const cursor = parseCursor(view.cursor) as Position;
  const same = compareEpochs(place.epoch, cursor.epoch);
  if (same !== 0) return same < 0 ? "old" : "fits";
  return place.epoch.nonce === cursor.epoch.nonce && place.seq < cursor.seq ? "old" : "fits";
}

/** Whether the turn at the view's cursor has ended. */
export function isOver(view: SessionView): boolean {
  const ordinal = parseCursor(view.cursor)?.epoch.ordinal;
  const turn = Object.values(view.turns).find((one) => one.ordinal === ordinal);
  return !turn || hasEnded(turn);
}
