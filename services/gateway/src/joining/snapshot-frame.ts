// PURE
import { formatCursor, type SessionFrame } from "@boocode/contracts";
import type { TurnSnapshot } from "@boocode/store";

/** A tool's output in a snapshot: enough to recognise it. A turn may hold dozens of outputs, and REST has them whole. */
const MAX_TOOL_OUTPUT = 4_000;

/** A turn as it is shown, and kept: its long outputs cut. */
export function shortenOutputs(turn: TurnSnapshot): TurnSnapshot {
  const messages = turn.messages.map((message) =>
    message.role === "tool" && message.content.length > MAX_TOOL_OUTPUT
      ? { ...message, content: message.content.slice(0, MAX_TOOL_OUTPUT).toWellFormed(), shortened: true }
      : message,
  );
  return { ...turn, messages };
}

/** The turn so far, in place of the frames up to its cursor. */
export function snapshotFrame(sessionId: string, version: number, known: TurnSnapshot): SessionFrame {
  const { turn, messages } = known;
  const cursor = formatCursor({ epoch: known.epoch, seq: known.lastSeq });
  return { type: "snapshot", session_id: sessionId, version, cursor, turn, messages };
}
