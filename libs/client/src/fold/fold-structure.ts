// PURE
import type { Session, StructuralFrame } from "@boocode/contracts";
import { addMessages, isWithin, toViewMessage } from "./order-messages.ts";
import { hasEnded, type SessionView } from "./session-view.ts";
import { withTurn } from "./turn-views.ts";

/** How many deleted ids and ranges are remembered: more than can be deleted while a frame is in transit. */
const MAX_DELETED = 1_000;
const MAX_DELETED_RANGES = 100;

/**
 * Applies a change of the session's structure; the caller has checked that its version is the next one.
 * @returns null for a type that is newer than this library: only REST has the change
 */
export function foldStructure(view: SessionView, frame: StructuralFrame): SessionView | null {
  switch (frame.type) {
    case "message_posted":
      return { ...view, messages: addMessages(view.messages, [toViewMessage(frame.message, null)]) };
    case "turn_queued":
      // Frames from the turn's worker may arrive before this one.
      if (view.turns[frame.turn_id]) return view;
      return withTurn(view, frame.turn_id, { ordinal: frame.ordinal, status: "queued" });
    case "turn_withdrawn": {
      const turn = view.turns[frame.turn_id];
      if (!turn || (hasEnded(turn) && turn.status !== "ended")) return view;
      return withTurn(view, turn.id, { ordinal: turn.ordinal, status: "cancelled", cancel_reason: frame.reason });
    }
    case "messages_deleted":
      return removeDeleted(view, frame);
    case "session_renamed":
      return {
        ...view,
        session: changeSession(view.session, frame, { name: frame.name, auto_named: frame.auto_named }),
      };
    case "tools_ignored":
      return { ...view, session: changeSession(view.session, frame, { tools_ignored: frame.tools_ignored }) };
    default:
      frame satisfies never;
      return null;
  }
}

/** Removes what the frame states by its ids, by its range, or by both: older servers send no range, and many ids are left out. */
function removeDeleted(
  view: SessionView,
  { message_ids: ids, range }: Extract<StructuralFrame, { type: "messages_deleted" }>,
): SessionView {
  const gone = new Set(ids);
  return {
    ...view,
    messages: view.messages.filter((message) => !gone.has(message.id) && !(range && isWithin(range, message))),
    deleted: [...view.deleted, ...ids].slice(-MAX_DELETED),
    deletedRanges: [...view.deletedRanges, ...(range ? [range] : [])].slice(-MAX_DELETED_RANGES),
  };
}

function changeSession(
  session: SessionView["session"],
  { version }: { version: number },
  change: Partial<Session>,
): SessionView["session"] {
  // The session is read after the messages and may be newer than this frame.
  return session && session.version < version ? { ...session, ...change, version } : session;
}
