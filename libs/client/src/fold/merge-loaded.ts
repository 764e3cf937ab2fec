// PURE
import type { Message, Session, Turn } from "@boocode/contracts";
import { classifyPosition, compareEpochs, type Position, parseCursor, sameEpoch } from "@boocode/contracts/position";
import { addMessages, changeMessage, keepWhole, toViewMessage } from "./order-messages.ts";
import { hasEnded, type SessionView, type ViewTurn } from "./session-view.ts";
import { turnsOf, withTurns } from "./turn-views.ts";

/** A session as REST returned it. */
export interface LoadedSession {
  session: Session;
  messages: readonly Message[];
  /** The queued and running turns, read together with the messages. */
  liveTurns: readonly Turn[];
  cursor: string;
  version: number;
  hasMore: boolean;
}

/**
 * Merges a loaded session into the view. Frames may be ahead of the stored draft, and continue to arrive during the load: for
 * turns at or after REST's cursor, the more advanced side wins (D2). REST decides which messages exist, except for messages
 * that frames started after its cursor.
 */
export function mergeLoaded(view: SessionView, loaded: LoadedSession): SessionView {
  const rest = parseCursor(loaded.cursor) as Position;
  const { busy: _, ...session } = loaded.session;
  const known = {
    ...view,
    session,
    version: loaded.version,
    hasMore: loaded.hasMore,
  };
  const ahead = loaded.version >= view.version && isAhead(parseCursor(view.cursor) as Position, rest);
  const turns = turnsOf(loaded.messages, loaded.liveTurns);
  const mine = new Map(view.messages.map((message) => [message.id, message]));
  if (!ahead) {
    const messages = addMessages(
      [],
      loaded.messages.map((message) => toViewMessage(keepWhole(message, mine.get(message.id)), null)),
    );
    return withTurns({ ...known, messages, cursor: loaded.cursor }, turns);
  }
  const common = loaded.messages.map((message) => {
    const own = mine.get(message.id);
    const isDone = own?.status !== "streaming" && message.status !== "streaming";
    const further = !isDone && message.turn_ordinal >= rest.epoch.ordinal;
    return own && further ? own : toViewMessage(keepWhole(message, own), null);
  });
  const ids = new Set(loaded.messages.map((message) => message.id));
  // A turn that REST's cursor has reached was deleted if REST has nothing of it: its question was stored before its first frame.
  const listed = new Set(loaded.messages.map((message) => message.turn_id));
  const isDeleted = ({ turn_id, turn_ordinal }: Pick<Message, "turn_id" | "turn_ordinal">) =>
    turn_ordinal <= rest.epoch.ordinal && !listed.has(turn_id);
  const newer = view.messages.filter(
    (message) => !ids.has(message.id) && isAfter(message.since, rest) && !isDeleted(message),
  );
  const { ordinal } = (parseCursor(view.cursor) as Position).epoch;
  for (const own of Object.values(view.turns)) {
    const listed = turns[own.id];
    if (own.ordinal >= rest.epoch.ordinal && isFurther(own, listed, own.ordinal === ordinal)) turns[own.id] = own;
    // The frames that came meanwhile may have ended a wait that REST saw.
    else if (listed?.status === "running" && own.status === "running")
      turns[own.id] = { ...listed, waiting: own.waiting };
  }
  return withTurns({ ...known, messages: addMessages(common, newer) }, turns);
}

/** Replaces a shortened message with the whole one. While a message streams, its text still comes from the frames. */
export function mergeWhole(view: SessionView, whole: Message): SessionView {
  const messages = changeMessage(view.messages, whole.id, (message) => {
    if (whole.status !== "streaming" && message.status !== "streaming") return toViewMessage(whole, message.since);
    const isAll = (whole.tool_calls?.length ?? 0) >= (message.tool_calls?.length ?? 0);
    return isAll ? { ...message, tool_calls: whole.tool_calls, shortened: false } : message;
  });
  return messages === view.messages ? view : { ...view, messages };
}

/**
 * Whether the frames are ahead of REST for a turn: they include its end or its start. For a turn without frames, REST is ahead:
 * if REST does not return the turn, it is gone.
 * @param isCurrent the view's cursor is in this turn
 */
function isFurther(own: ViewTurn, listed: ViewTurn | undefined, isCurrent: boolean): boolean {
  if (hasEnded(own)) return own.status !== "ended";
  if (!isCurrent || own.status === "queued") return false;
  return !listed || listed.status === "ended" || listed.attempt < own.attempt;
}

/** Whether the frames are ahead of REST. Epochs with another nonce belong to another database. */
function isAhead(own: Position, rest: Position): boolean {
  const order = compareEpochs(own.epoch, rest.epoch);
  return order === 0 ? sameEpoch(own.epoch, rest.epoch) && own.seq > rest.seq : order > 0;
}

function isAfter(since: string | null, rest: Position): boolean {
  const place = since === null ? null : parseCursor(since);
  return place !== null && classifyPosition(rest, place) !== "old";
}
