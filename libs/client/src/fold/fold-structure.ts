// PURE
import type { StructuralFrame } from "@boocode/contracts";
import { addMessages, toViewMessage } from "./order-messages.ts";
import { hasEnded, type SessionView } from "./session-view.ts";
import { withTurn } from "./turn-views.ts";

/** More deletions than this between a frame's sending and its arrival there are not. */
const MAX_DELETED = 1_000;

/**
 * What a change of the session's structure changes; the caller has judged that its version is the next one.
 * @returns null for a type that is newer than this library: only REST has it
 */
export function foldStructure(view: SessionView, frame: StructuralFrame): SessionView | null {
  switch (frame.type) {
    case "message_posted":
      return { ...view, messages: addMessages(view.messages, [toViewMessage(frame.message, null)]) };
    case "turn_queued":
      // Its worker may have been faster than this frame.
      if (view.turns[frame.turn_id]) return view;
      return withTurn(view, frame.turn_id, { ordinal: frame.ordinal, status: "queued" });
    case "turn_withdrawn": {
      const turn = view.turns[frame.turn_id];
      if (!turn || (hasEnded(turn) && turn.status !== "ended")) return view;
      return withTurn(view, turn.id, { ordinal: turn.ordinal, status: "cancelled", cancel_reason: frame.reason });
    }
    case "messages_deleted": {
      const gone = new Set(frame.message_ids);
      return {
        ...view,
        messages: view.messages.filter((message) => !gone.has(message.id)),
        deleted: [...view.deleted, ...frame.message_ids].slice(-MAX_DELETED),
      };
    }
    case "session_renamed":
      return { ...view, session: rename(view.session, frame) };
    default:
      frame satisfies never;
      return null;
  }
}

function rename(
  session: SessionView["session"],
  { version, name, auto_named }: Extract<StructuralFrame, { type: "session_renamed" }>,
): SessionView["session"] {
  // The session was read after the messages and may be ahead of this frame.
  return session && session.version < version ? { ...session, version, name, auto_named } : session;
}
