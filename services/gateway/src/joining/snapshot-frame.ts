// PURE
import { formatCursor, type SessionFrame, shareJsonBytes } from "@boocode/contracts";
import type { TurnSnapshot } from "@boocode/store";

/**
 * The tool outputs of one snapshot take at most these bytes of JSON together: half of what a socket may have unsent before it
 * counts as behind (BEHIND_BYTES). REST has them whole.
 */
export const MAX_OUTPUT_BYTES = 128 * 1024;

/** A turn with its longest tool outputs cut: what a topic keeps of it, and what a snapshot shows. */
export function shortenOutputs(turn: TurnSnapshot): TurnSnapshot {
  const tools = turn.messages.filter((message) => message.role === "tool");
  const shares = shareJsonBytes(
    tools.map((message) => message.content),
    MAX_OUTPUT_BYTES,
  );
  const shown = new Map(tools.map((message, index) => [message.id, shares[index] ?? ""]));
  const messages = turn.messages.map((message) => {
    const content = shown.get(message.id) ?? message.content;
    return content.length < message.content.length ? { ...message, content, shortened: true } : message;
  });
  return { ...turn, messages };
}

/** The turn so far, in place of the frames up to its cursor. */
export function snapshotFrame(sessionId: string, version: number, known: TurnSnapshot): SessionFrame {
  const { turn, messages } = known;
  const cursor = formatCursor({ epoch: known.epoch, seq: known.lastSeq });
  return { type: "snapshot", session_id: sessionId, version, cursor, turn, messages };
}
