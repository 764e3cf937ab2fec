// PURE
import { formatCursor, type SessionFrame, shareJsonBytes } from "@boocode/contracts";
import type { TurnSnapshot } from "@boocode/store";

/**
 * The limit, in bytes of JSON, for all tool outputs of one snapshot together: half of what a socket may have unsent before it
 * counts as behind (BEHIND_BYTES). REST returns the outputs in full.
 */
export const MAX_OUTPUT_BYTES = 128 * 1024;

/** Cuts the longest tool outputs of a turn. Topics keep, and snapshots show, only the shortened turn. */
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

/** A frame with the turn so far, which replaces all frames up to its cursor. */
export function snapshotFrame(sessionId: string, version: number, known: TurnSnapshot): SessionFrame {
  const { turn, messages } = known;
  const cursor = formatCursor({ epoch: known.epoch, seq: known.lastSeq });
  return { type: "snapshot", session_id: sessionId, version, cursor, turn, messages };
}
