import { type CancelReason, isTerminal, type SessionFrame, type TurnStatus } from "@boocode/contracts";
import type { Watch } from "./watch.ts";

export interface TurnEnd {
  turnId: string;
  status: TurnStatus;
  attempt: number;
  cancel_reason: CancelReason | null;
}

/**
 * What a frame says of a turn's end. On a machine that stalls, a gateway may notice the commit before the frame that tells of it
 * has come, and sends a snapshot instead: for a subscriber that is the same.
 */
export function turnEnd(frame: SessionFrame): TurnEnd | null {
  if (frame.type === "turn_finished") {
    const { turn_id: turnId, status, attempt, cancel_reason } = frame;
    return { turnId, status, attempt, cancel_reason };
  }
  if (frame.type !== "snapshot" || !frame.turn || !isTerminal(frame.turn.status)) return null;
  const { id: turnId, status, attempt, cancel_reason } = frame.turn;
  return { turnId, status, attempt, cancel_reason };
}

export const isEndOf = (turnId: string) => (frame: SessionFrame) => turnEnd(frame)?.turnId === turnId;

/** Resolves with the end of a turn, or of whichever ends first when none is named. */
export async function untilEnd(watch: Watch<SessionFrame>, turnId?: string, timeoutMs?: number): Promise<TurnEnd> {
  const frame = await watch.until(turnId === undefined ? (seen) => turnEnd(seen) !== null : isEndOf(turnId), timeoutMs);
  return turnEnd(frame) as TurnEnd;
}
