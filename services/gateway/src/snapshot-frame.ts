// PURE
import { formatCursor, type SessionFrame } from "@boocode/contracts";
import type { TurnSnapshot } from "@boocode/store";

/** A tool's output in a snapshot: enough to recognise it. A turn may hold dozens of outputs, and REST has them whole. */
const MAX_TOOL_OUTPUT = 4_000;

/** The turn so far, in place of the frames up to its cursor. */
export function snapshotFrame(sessionId: string, version: number, known: TurnSnapshot): SessionFrame {
  return {
    type: "snapshot",
    session_id: sessionId,
    version,
    cursor: formatCursor({ epoch: known.epoch, seq: known.lastSeq }),
    turn: known.turn,
    messages: known.messages.map((message) =>
      message.role === "tool" && message.content.length > MAX_TOOL_OUTPUT
        ? { ...message, content: message.content.slice(0, MAX_TOOL_OUTPUT).toWellFormed(), shortened: true }
        : message,
    ),
  };
}
