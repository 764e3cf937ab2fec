// PURE
import type { DeletedRange, Message } from "@boocode/contracts";
import type { ViewMessage } from "./session-view.ts";

/** Converts a message of REST or of a snapshot. */
export function toViewMessage(message: Message, since: string | null): ViewMessage {
  return { ...message, shortened: message.shortened ?? false, since };
}

/** A place in a conversation. */
export type Place = Pick<Message, "turn_ordinal" | "position">;

export function isBefore(a: Place, b: Place): boolean {
  return a.turn_ordinal - b.turn_ordinal < 0 || (a.turn_ordinal === b.turn_ordinal && a.position < b.position);
}

/** The text of a place for `listMessages`. A turn's ordinal alone is understood by servers of an earlier version, too. */
export function formatPlace({ turn_ordinal, position }: Place): string {
  return position === 0 ? String(turn_ordinal) : `${turn_ordinal}.${position}`;
}

/**
 * Takes over the texts of a message that was known whole and comes again shortened: what is stored of a message that has ended
 * never changes.
 */
export function keepWhole<M extends Message>(message: M, known: ViewMessage | undefined): M {
  if (!message.shortened || !known || known.shortened || known.status === "streaming") return message;
  const { content, reasoning, tool_calls } = known;
  return { ...message, content, reasoning, tool_calls, shortened: false };
}

const byPlace = (a: ViewMessage, b: ViewMessage) => a.turn_ordinal - b.turn_ordinal || a.position - b.position;

/** Whether a deletion reached this place. */
export function isWithin(
  { from, through_turn }: DeletedRange,
  { turn_ordinal, position }: Pick<Message, "turn_ordinal" | "position">,
): boolean {
  if (turn_ordinal > through_turn) return false;
  return turn_ordinal > from.turn_ordinal || (turn_ordinal === from.turn_ordinal && position >= from.position);
}

/** Adds messages in order; one with a known id replaces the known message (a regenerated question moves). */
export function addMessages(known: readonly ViewMessage[], added: readonly ViewMessage[]): ViewMessage[] {
  const ids = new Set(added.map((message) => message.id));
  return [...known.filter((message) => !ids.has(message.id)), ...added].sort(byPlace);
}

/** Changes one message. A missing message was deleted and is not an error. */
export function changeMessage(
  messages: readonly ViewMessage[],
  id: string,
  change: (message: ViewMessage) => ViewMessage,
): readonly ViewMessage[] {
  const index = messages.findLastIndex((message) => message.id === id);
  const message = messages[index];
  return message ? messages.with(index, change(message)) : messages;
}
