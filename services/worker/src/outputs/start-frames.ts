// PURE
import type { MessageContext } from "@boocode/contracts";
import { leavesOut } from "../turn/fit-request.ts";
import type { FrameBody } from "./to-frame.ts";

/** A message of the assistant that begins. */
export interface StartedMessage {
  id: string;
  position: number;
  /** The requested model; null: the server's default. */
  model: string | null;
  context: MessageContext | null;
}

/** The frames that state that a message begins. Their count must be known before the commit that they state. */
export function startFrames(turnOrdinal: number, { id, position, model, context }: StartedMessage): FrameBody[] {
  const frames: FrameBody[] = [
    { type: "message_started", message_id: id, turn_ordinal: turnOrdinal, position, role: "assistant", model },
  ];
  if (context && leavesOut(context)) frames.push({ type: "context_fitted", message_id: id, context });
  return frames;
}
