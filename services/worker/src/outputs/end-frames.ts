// PURE
import type { ReplyRecord, TurnEnd } from "@boocode/contracts";
import type { FrameBody } from "./to-frame.ts";

/** The frames that tell the end of a turn, in order; their count is needed before the commit that they tell of. */
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

/** Tells how a message ended; of one that a dead worker left, nothing but its status is known. */
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
