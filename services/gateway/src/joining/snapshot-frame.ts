// PURE
import { formatCursor, MAX_SNAPSHOT_OUTPUT_BYTES, type SessionFrame, shareJsonBytes } from "@boocode/contracts";
import type { TurnSnapshot } from "@boocode/store";

/** Cuts the longest tool outputs of a turn. Topics keep, and snapshots show, only the shortened turn. */
export function shortenOutputs(turn: TurnSnapshot): TurnSnapshot {
  const tools = turn.messages.filter((message) => message.role === "tool");
  const shares = shareJsonBytes(
    tools.map((message) => message.content),
    MAX_SNAPSHOT_OUTPUT_BYTES,
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
  const [first] = messages;
  const cut = known.isCut && first ? { from_position: first.position } : {};
  return { type: "snapshot", session_id: sessionId, version, cursor, turn, messages, ...cut };
}
