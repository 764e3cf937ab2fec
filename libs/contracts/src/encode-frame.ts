import { MAX_FRAME_BYTES, type StructuralFrame } from "./frames.ts";
import { shareJsonBytes } from "./json-size.ts";
import type { TurnFrame } from "./turn-frames.ts";

type SessionChange = TurnFrame | StructuralFrame;

/**
 * Encodes a frame as JSON. If a turn frame or posted message is larger than `MAX_FRAME_BYTES`, its texts are cut to fit, and it
 * is marked `shortened` if its type has that field; a list of deleted ids is left out. Deltas and citations are never cut: the worker splits them into several frames
 * before it numbers them.
 */
export function encodeFrame(frame: object): string {
  const json = JSON.stringify(frame);
  // A UTF-16 unit takes at most three bytes.
  if (json.length * 3 <= MAX_FRAME_BYTES || utf8Bytes(json) <= MAX_FRAME_BYTES) return json;
  return JSON.stringify(shorten(frame as SessionChange));
}

/** @returns how many bytes of JSON a frame has left for its texts; `bare` is the frame with empty texts */
export function roomInFrame(bare: SessionChange): number {
  return MAX_FRAME_BYTES - utf8Bytes(JSON.stringify(bare));
}

const utf8Bytes = (text: string) => new TextEncoder().encode(text).length;

/** Exhaustive: each type of frame states which of its texts can be cut. */
function shorten(frame: SessionChange): SessionChange {
  switch (frame.type) {
    case "tool_result":
      return cutTexts(
        [frame.tool_call_id, frame.name, frame.error, frame.output],
        ([tool_call_id, name, error, output]) => ({ ...frame, tool_call_id, name, error, output, shortened: true }),
      );
    case "tool_call":
      // A cut argument would be a different argument, so all arguments are left out.
      return cutTexts([frame.tool_call.id, frame.tool_call.name], ([id, name]) => ({
        ...frame,
        tool_call: { ...frame.tool_call, id, name, arguments: {} },
        shortened: true,
      }));
    case "message_posted":
      return cutTexts([frame.message.content], ([content]) => ({
        ...frame,
        message: { ...frame.message, content, shortened: true },
      }));
    case "error":
      return cutTexts([frame.message], ([message]) => ({ ...frame, message }));
    case "message_complete":
      return cutTexts([frame.finish_reason, frame.model], ([finish_reason, model]) => ({
        ...frame,
        finish_reason,
        model,
      }));
    case "message_started":
    case "model_loading":
      return cutTexts([frame.model], ([model]) => ({ ...frame, model }));
    case "context_fitted":
      return cutTexts([frame.context.model], ([model]) => ({ ...frame, context: { ...frame.context, model } }));
    case "tools_ignored":
      return cutTexts([frame.tools_ignored.model], ([model]) => ({
        ...frame,
        tools_ignored: { ...frame.tools_ignored, model },
      }));
    case "messages_deleted":
      // Without the range, only the ids say what was deleted.
      return frame.range ? { ...frame, message_ids: [] } : frame;
    case "delta":
    case "reasoning_delta":
    case "text_was_reasoning":
    case "citations":
    case "turn_started":
    case "turn_waiting":
    case "turn_finished":
    case "turn_queued":
    case "turn_withdrawn":
    case "session_renamed":
      return frame;
    default:
      return frame satisfies never;
  }
}

function cutTexts<const Texts extends readonly (string | null)[]>(
  texts: Texts,
  build: (texts: Texts) => SessionChange,
): SessionChange {
  const room = roomInFrame(
    build(texts.map((text) => (text === null ? null : "")) as readonly (string | null)[] as Texts),
  );
  const shares = shareJsonBytes(
    texts.map((text) => text ?? ""),
    room,
  );
  return build(
    texts.map((text, index) => (text === null ? null : shares[index])) as readonly (string | null)[] as Texts,
  );
}
