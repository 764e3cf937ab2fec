// PURE
import { type Citation, MAX_FRAME_BYTES, type ReplyRecord, type TurnEnd } from "@boocode/contracts";
import type { FrameBody } from "./to-frame.ts";

/** What the citations of one frame may take; the rest of the frame takes less than a kilobyte. */
const CITATIONS_BYTES = MAX_FRAME_BYTES - 1024;

/** The frames that state the end of a turn, in order. Their count must be known before the commit that they state. */
export function endFrames(end: TurnEnd, message: { messageId: string } | ReplyRecord | null): FrameBody[] {
  const frames: FrameBody[] = [];
  if (end.status === "failed") {
    frames.push({ type: "error", message_id: message?.messageId ?? null, ...end.error });
  }
  if (message) frames.push(messageComplete(end.status, message));
  if (message && "content" in message && message.citations)
    frames.push(...citationFrames(message.messageId, message.citations));
  frames.push({
    type: "turn_finished",
    status: end.status,
    cancel_reason: end.status === "cancelled" ? end.reason : null,
  });
  return frames;
}

/** The citations of a message, in frames that are small enough. There is one even for no citation: it states that none was found. */
function citationFrames(message_id: string, citations: readonly Citation[]): FrameBody[] {
  const groups: Citation[][] = [[]];
  let room = CITATIONS_BYTES;
  for (const citation of citations) {
    const bytes = new TextEncoder().encode(JSON.stringify(citation)).length + 1;
    if (bytes > room) {
      groups.push([]);
      room = CITATIONS_BYTES;
    }
    room -= bytes;
    groups.at(-1)?.push(citation);
  }
  return groups.map((group) => ({ type: "citations", message_id, citations: group }));
}

/** States how a message ended. For a message that a dead worker left, only the id and status are known. */
export function messageComplete(status: TurnEnd["status"], message: { messageId: string } | ReplyRecord): FrameBody {
  const facts = "content" in message ? message : null;
  return {
    type: "message_complete",
    message_id: message.messageId,
    status,
    finish_reason: facts?.finishReason ?? null,
    model: facts?.model ?? null,
    tokens_used: facts?.tokensUsed ?? null,
    ctx_used: facts?.ctxUsed ?? null,
    ctx_max: facts?.ctxMax ?? null,
  };
}
