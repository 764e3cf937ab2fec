// PURE
import {
  cutToJsonBytes,
  type Epoch,
  formatCursor,
  roomInFrame,
  type ToolCall,
  type ToolResult,
  type TurnFrame,
} from "@boocode/contracts";

/** The fields that all frames of an attempt share. */
export interface FrameSource {
  sessionId: string;
  turnId: string;
  epoch: Epoch;
}

type Numbering = "session_id" | "turn_id" | "attempt" | "seq" | "first_seq" | "cursor";
type Bare<F> = F extends unknown ? Omit<F, Numbering> : never;

/** A frame without its number and the shared fields. */
export type FrameBody = Bare<TurnFrame>;
export type DeltaBody = Extract<FrameBody, { type: "delta" | "reasoning_delta" }>;

/** Numbers a frame. */
export function toFrame(source: FrameSource, seq: number, body: FrameBody): TurnFrame {
  const { type, ...rest } = body;
  return {
    type,
    session_id: source.sessionId,
    turn_id: source.turnId,
    attempt: source.epoch.attempt,
    seq,
    cursor: formatCursor({ epoch: source.epoch, seq }),
    ...rest,
  } as TurnFrame;
}

/** In UTF-16 units, of which each takes at most six bytes in JSON. The other fields of a delta take far less than the rest of a frame. */
const FITS_SURELY = 8_000;

/**
 * Splits a text into as few frame bodies as can hold it. `firstSeq` is the number that the first frame will have: numbers are
 * part of a frame's size.
 */
export function splitDelta(source: FrameSource, firstSeq: number, delta: DeltaBody): DeltaBody[] {
  if (delta.content.length <= FITS_SURELY) return [delta];
  const bodies: DeltaBody[] = [];
  for (let rest = delta.content; rest !== ""; ) {
    const bare = toFrame(source, firstSeq + bodies.length, { ...delta, content: "" });
    const content = cutToJsonBytes(rest, roomInFrame(bare));
    bodies.push({ ...delta, content });
    rest = rest.slice(content.length);
  }
  return bodies;
}

/** A tool call as a frame shows it: without what the model server attached to it, which is not for subscribers. */
export function toolCallBody(messageId: string, call: ToolCall): FrameBody {
  const { extra: _, ...shown } = call;
  return { type: "tool_call", message_id: messageId, tool_call: shown };
}

export function toolResultBody(messageId: string, position: number, output: string, result: ToolResult): FrameBody {
  return { type: "tool_result", message_id: messageId, position, ...result, output };
}
