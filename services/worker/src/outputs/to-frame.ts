// PURE
import {
  type Epoch,
  fitText,
  formatCursor,
  MAX_TEXT_CHARACTERS,
  type ToolCall,
  type ToolResult,
  type TurnFrame,
} from "@boocode/contracts";

/** Who speaks: the fields that every frame of a turn carries, less its number. */
export interface FrameSource {
  sessionId: string;
  turnId: string;
  epoch: Epoch;
}

type Numbering = "session_id" | "turn_id" | "attempt" | "seq" | "first_seq" | "cursor";
type Bare<F> = F extends unknown ? Omit<F, Numbering> : never;

/** What a frame says, before it has a number. */
export type FrameBody = Bare<TurnFrame>;

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

/** A text in pieces that each fit into a frame. */
export function splitText(text: string): string[] {
  const pieces: string[] = [];
  for (let rest = text; rest !== ""; ) {
    const piece = fitText(rest);
    pieces.push(piece);
    rest = rest.slice(piece.length);
  }
  return pieces;
}

/** A tool call; arguments that are too large for a frame stay behind and are whole in REST. */
export function toolCallBody(messageId: string, call: ToolCall): FrameBody {
  const { extra: _, ...shown } = call;
  if (JSON.stringify(shown.arguments).length <= MAX_TEXT_CHARACTERS) {
    return { type: "tool_call", message_id: messageId, tool_call: shown };
  }
  return { type: "tool_call", message_id: messageId, tool_call: { ...shown, arguments: {} }, shortened: true };
}

/** A tool's output; what is too large for a frame is shortened and whole in REST. */
export function toolResultBody(messageId: string, position: number, output: string, result: ToolResult): FrameBody {
  // What a failed tool says is its output and its error: both must fit into one frame.
  const room = result.error === null ? MAX_TEXT_CHARACTERS : Math.floor(MAX_TEXT_CHARACTERS / 2);
  const shown = fitText(output, room);
  const error = result.error === null ? null : fitText(result.error, room);
  return {
    type: "tool_result",
    message_id: messageId,
    position,
    ...result,
    error,
    output: shown,
    ...(shown.length < output.length ? { shortened: true } : {}),
  };
}
