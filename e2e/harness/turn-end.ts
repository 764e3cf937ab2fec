import { type CancelReason, isTerminal, type SessionFrame, type TurnStatus } from "@boocode/contracts";
import type { Watch } from "./watch.ts";

export interface TurnEnd {
  turnId: string;
  status: TurnStatus;
  attempt: number;
  cancel_reason: CancelReason | null;
}

/**
 * How a turn ended, according to a frame; null if the frame does not say. On a stalled machine a gateway may see the commit
 * before the frame arrives and send a snapshot instead: subscribers accept either.
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

/** Resolves with the end of the given turn, or of the first turn that ends. */
export async function untilEnd(watch: Watch<SessionFrame>, turnId?: string, timeoutMs?: number): Promise<TurnEnd> {
  const frame = await watch.until(turnId === undefined ? (seen) => turnEnd(seen) !== null : isEndOf(turnId), timeoutMs);
  return turnEnd(frame) as TurnEnd;
}
