// PURE
import { classifyPosition, type Position } from "@boocode/contracts";

/** What a live subscriber has been sent. */
export interface LivePosition {
  cursor: Position;
  /** It was sent the end of the turn at its cursor, or there is no turn yet. */
  isOver: boolean;
}

/**
 * The cursor rule for a published frame: the next one follows in the same epoch or, once the turn at the cursor has ended, is the
 * first frame of the next turn's first attempt, as in `classifyFrame` of the client. A client accepts that of any later turn. Here
 * it must be the very next turn, because everything of a turn in between may have been lost; if there was none, joining tells.
 */
export function classifyLive({ cursor, isOver }: LivePosition, frame: Position): "next" | "old" | "misfit" {
  const { ordinal, attempt } = frame.epoch;
  if (isOver && ordinal === cursor.epoch.ordinal + 1 && attempt === 1 && frame.seq === 1) return "next";
  return classifyPosition(cursor, frame);
}

/** Whether a frame ends its turn. Frames begin with their `type`, so that this one is not parsed. */
export const endsTurn = (json: string): boolean => json.startsWith('{"type":"turn_finished"');
