// PURE
import type { ReplyRecord, TurnEnd } from "@boocode/contracts";
import type { FrameBody } from "./to-frame.ts";

/** The frames that state the end of a turn, in order. Their count must be known before the commit that they state. */
export function endFrames(end: TurnEnd, message: { messageId: string } | ReplyRecord | null): FrameBody[] {
  const frames: FrameBody[] = [];
  if (end.status === "failed") {
    frames.push({ type: "error", message_id: message?.messageId ?? null, ...end.error });
  }
  if (message) frames.push(messageComplete(end.status, message));
  frames.push({
    type: "turn_finished",
    status: end.status,
    cancel_reason: end.status === "cancelled" ? end.reason : null,
  });
  return frames;
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
