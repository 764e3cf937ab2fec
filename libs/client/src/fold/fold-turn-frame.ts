// PURE
import type { SessionFrame, TurnFrame } from "@boocode/contracts";
import { addMessages, changeMessage, isWithin, keepWhole, toViewMessage } from "./order-messages.ts";
import type { SessionView, ViewMessage } from "./session-view.ts";
import { toViewTurn, withTurn } from "./turn-views.ts";

/**
 * Applies a turn frame; the caller has checked that it is the next one. A type newer than this library changes nothing.
 * @param ordinal of the frame's turn
 */
export function foldTurnFrame(view: SessionView, frame: TurnFrame, ordinal: number): SessionView {
  const inMessage = (id: string, change: (message: ViewMessage) => ViewMessage, speaks = false): SessionView => {
    const changed = { ...view, messages: changeMessage(view.messages, id, change) };
    return speaks ? endWait(changed, frame.turn_id, ordinal) : changed;
  };
  switch (frame.type) {
    case "turn_started": {
      const { turn_id: id, attempt } = frame;
      const fresh = { cancel_reason: null, error: null, waiting: null };
      return withTurn(view, id, { ordinal, attempt, status: "running", ...fresh });
    }
    case "message_started":
      return begin(view, {
        ...blank(frame),
        turn_ordinal: frame.turn_ordinal,
        position: frame.position,
        status: "streaming",
        model: frame.model,
      });
    case "delta":
      return inMessage(frame.message_id, (message) => ({ ...message, content: message.content + frame.content }), true);
    case "reasoning_delta":
      return inMessage(
        frame.message_id,
        (message) => ({
          ...message,
          reasoning: (message.reasoning ?? "") + frame.content,
        }),
        true,
      );
    case "text_was_reasoning":
      return inMessage(frame.message_id, (message) => ({
        ...message,
        reasoning: (message.reasoning ?? "") + message.content,
        content: "",
      }));
    case "tool_call":
      return inMessage(frame.message_id, (message) => ({
        ...message,
        tool_calls: [...(message.tool_calls ?? []), frame.tool_call],
        shortened: message.shortened || frame.shortened === true,
      }));
    case "tool_result": {
      const { tool_call_id, name, truncated, error } = frame;
      return begin(endWait(view, frame.turn_id, ordinal), {
        ...blank(frame),
        turn_ordinal: ordinal,
        position: frame.position,
        role: "tool",
        content: frame.output,
        tool_result: { tool_call_id, name, truncated, error },
        shortened: frame.shortened ?? false,
      });
    }
    case "message_complete": {
      const { status, finish_reason, tokens_used, ctx_used, ctx_max } = frame;
      return inMessage(frame.message_id, (message) => ({
        ...message,
        ...{ status, finish_reason, tokens_used, ctx_used, ctx_max },
        model: frame.model ?? message.model,
      }));
    }
    case "citations":
      return inMessage(frame.message_id, (message) => ({
        ...message,
        citations: [...(message.citations ?? []), ...frame.citations],
      }));
    case "error": {
      const error = { code: frame.code, message: frame.message };
      const shown =
        frame.message_id === null ? view : inMessage(frame.message_id, (message) => ({ ...message, error }));
      return withTurn(shown, frame.turn_id, { ordinal, error });
    }
    case "context_fitted":
      return inMessage(frame.message_id, (message) => ({ ...message, context: frame.context }));
    case "model_loading":
      return withTurn(view, frame.turn_id, { ordinal, waiting: { reason: "loading", retry_in_ms: null, ahead: null } });
    case "turn_waiting": {
      const { reason, retry_in_ms, ahead = null } = frame;
      return withTurn(view, frame.turn_id, { ordinal, waiting: { reason, retry_in_ms, ahead } });
    }
    case "turn_finished": {
      const { status, cancel_reason } = frame;
      // A message that an earlier attempt began, and that this one did not reach, ends with its turn.
      const messages = view.messages.map((message) =>
        message.turn_id === frame.turn_id && message.status === "streaming" ? { ...message, status } : message,
      );
      return withTurn({ ...view, messages }, frame.turn_id, { ordinal, status, cancel_reason, waiting: null });
    }
    default:
      frame satisfies never;
      return view;
  }
}

/**
 * Replaces a turn with its snapshot. A message that the view has whole stays whole, and so do those before the snapshot's first,
 * if it leaves some out.
 */
export function foldSnapshot(view: SessionView, frame: Extract<SessionFrame, { type: "snapshot" }>): SessionView {
  const { turn } = frame;
  if (!turn) return view;
  const known = new Map(view.messages.map((message) => [message.id, message]));
  const from = frame.from_position ?? 0;
  const others = view.messages.filter((message) => message.turn_id !== turn.id || message.position < from);
  const fresh = frame.messages.map((message) => {
    const before = known.get(message.id);
    return toViewMessage(keepWhole(message, before), before ? before.since : frame.cursor);
  });
  return withTurn({ ...view, messages: addMessages(others, fresh) }, turn.id, toViewTurn(turn));
}

/** A delta and a tool's result end what the turn waited for. */
function endWait(view: SessionView, turnId: string, ordinal: number): SessionView {
  return view.turns[turnId]?.waiting ? withTurn(view, turnId, { ordinal, waiting: null }) : view;
}

/** Adds a message, unless it was deleted before its first frame arrived (T11). */
function begin(view: SessionView, message: ViewMessage): SessionView {
  if (view.deleted.includes(message.id) || view.deletedRanges.some((range) => isWithin(range, message))) return view;
  return { ...view, messages: addMessages(view.messages, [message]) };
}

function blank(frame: Extract<TurnFrame, { type: "message_started" | "tool_result" }>): ViewMessage {
  return {
    id: frame.message_id,
    session_id: frame.session_id,
    turn_id: frame.turn_id,
    turn_ordinal: 0,
    position: frame.position,
    role: "assistant",
    author: null,
    content: "",
    reasoning: null,
    tool_calls: null,
    tool_result: null,
    status: "complete",
    finish_reason: null,
    error: null,
    model: null,
    tokens_used: null,
    ctx_used: null,
    ctx_max: null,
    context: null,
    citations: null,
    created_at: null,
    started_at: null,
    finished_at: null,
    shortened: false,
    since: frame.cursor,
  };
}
