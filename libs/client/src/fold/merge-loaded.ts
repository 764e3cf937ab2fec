// PURE
import type { Message, Session, Turn } from "@boocode/contracts";
import { compareEpochs, judge, type Position, parseCursor, sameEpoch } from "@boocode/contracts/position";
import { addMessages, changeMessage, toViewMessage } from "./order-messages.ts";
import { hasEnded, type SessionView, type ViewTurn } from "./session-view.ts";
import { turnsOf, withTurns } from "./turn-views.ts";

/** A session as REST has it. */
export interface LoadedSession {
  session: Session;
  messages: readonly Message[];
  /** The turns that wait or run, as of the same moment as the messages. */
  liveTurns: readonly Turn[];
  cursor: string;
  version: number;
  hasMore: boolean;
}

/**
 * A view after it was loaded again. Frames may be ahead of what REST has saved of a stream, and went on while REST was
 * asked: of the turns that are at or after REST's cursor, the further one counts (D2). REST alone decides which messages
 * there are, except for those that frames told of after its cursor.
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
  if (!ahead) {
    const messages = addMessages(
      [],
      loaded.messages.map((message) => toViewMessage(message, null)),
    );
    return withTurns({ ...known, messages, cursor: loaded.cursor }, turns);
  }
  const mine = new Map(view.messages.map((message) => [message.id, message]));
  const common = loaded.messages.map((message) => {
    const own = mine.get(message.id);
    const isDone = own?.status !== "streaming" && message.status !== "streaming";
    const further = !isDone && message.turn_ordinal >= rest.epoch.ordinal;
    return own && further ? own : toViewMessage(message, null);
  });
  const ids = new Set(loaded.messages.map((message) => message.id));
  const newer = view.messages.filter((message) => !ids.has(message.id) && isAfter(message.since, rest));
  const { ordinal } = (parseCursor(view.cursor) as Position).epoch;
  for (const own of Object.values(view.turns)) {
    const listed = turns[own.id];
    if (own.ordinal >= rest.epoch.ordinal && isFurther(own, listed, own.ordinal === ordinal)) turns[own.id] = own;
  }
  return withTurns({ ...known, messages: addMessages(common, newer) }, turns);
}

/** Puts what was cut in its place; the text of a message that still streams is the frames' and stays. */
export function mergeWhole(view: SessionView, whole: Message): SessionView {
  const messages = changeMessage(view.messages, whole.id, (message) => {
    if (whole.status !== "streaming" && message.status !== "streaming") return toViewMessage(whole, message.since);
    const isAll = (whole.tool_calls?.length ?? 0) >= (message.tool_calls?.length ?? 0);
    return isAll ? { ...message, tool_calls: whole.tool_calls, shortened: false } : message;
  });
  return messages === view.messages ? view : { ...view, messages };
}

/**
 * Whether frames told more of a turn than REST knew: its end, or that it had begun. Of a turn that no frame told of, REST knows
 * more: one that it does not have has gone.
 * @param isCurrent the view's cursor is in this turn
 */
function isFurther(own: ViewTurn, listed: ViewTurn | undefined, isCurrent: boolean): boolean {
  if (hasEnded(own)) return own.status !== "ended";
  if (!isCurrent || own.status === "queued") return false;
  return !listed || listed.status === "ended" || listed.attempt < own.attempt;
}

/** Whether frames told more of the session than REST has saved. Epochs of another nonce are another database's. */
function isAhead(own: Position, rest: Position): boolean {
  const order = compareEpochs(own.epoch, rest.epoch);
  return order === 0 ? sameEpoch(own.epoch, rest.epoch) && own.seq > rest.seq : order > 0;
}

function isAfter(since: string | null, rest: Position): boolean {
  const place = since === null ? null : parseCursor(since);
  return place !== null && judge(rest, place) !== "old";
}
