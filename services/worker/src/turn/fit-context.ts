import type { ContextCut } from "@boocode/contracts";
import type { ConversationTurn, ToolConversationMessage } from "./conversation-turn.ts";
import { CUT_NOTE, cutOutput, elidedLine, WORTH_ELIDING } from "./elide-output.ts";
import { messageCharacters, messagesCharacters } from "./measure.ts";
import type { ConversationMessage } from "./ports.ts";

export const NO_CUT: ContextCut = { turn: 0, elided_turn: 0, elided_outputs: 0 };

/**
 * Once something must go, as much goes that the next requests need no cut: each cut changes the beginning of the prompt, and
 * a model server then reads all of it again.
 */
const LOW_WATER = 0.6;

export interface FitInput {
  /** Characters that every request carries. */
  fixed: number;
  /** Oldest first. */
  earlier: readonly ConversationTurn[];
  /** The turn that is being answered. */
  present: ConversationTurn;
  /** Characters that a request may have. */
  limit: number;
  /** Where an earlier request was cut: this one is cut there or later. */
  cut: ContextCut;
}

export type Fit =
  | {
      fits: true;
      messages: ConversationMessage[];
      characters: number;
      cut: ContextCut;
      /** Of `earlier`. */
      turnsDropped: number;
      outputsElided: number;
    }
  /** The last question alone does not fit. */
  | { fits: false; characters: number };

/**
 * Fits a conversation into a window. First the oldest tool outputs of earlier turns become a line each, then the oldest turns
 * go as a whole, then this turn's own old outputs become lines, and last its newest outputs are shortened. A call keeps its
 * answer whatever happens to the text, and the last question always stays.
 */
export function fitContext(input: FitInput): Fit {
  const low = Math.floor(input.limit * LOW_WATER);
  let kept = input.earlier.filter((turn) => turn.ordinal >= input.cut.turn);
  let cut = input.cut;
  const newest = newestOutputs(input.present);
  const views = new Map<ConversationTurn, { cut: ContextCut; turn: ConversationTurn; size: number }>();
  /** A turn as it is sent. Most requests are not cut anew, and look at each turn once. */
  const shown = (turn: ConversationTurn) => {
    const known = views.get(turn);
    if (known?.cut === cut) return known;
    const view = elide(turn, cut, turn === input.present ? newest : null);
    const fresh = { cut, turn: view, size: messagesCharacters(view.messages) };
    views.set(turn, fresh);
    return fresh;
  };

  let size = [...kept, input.present].reduce((sum, turn) => sum + shown(turn).size, input.fixed);
  const elideUntilLow = (turns: readonly ConversationTurn[]) => {
    for (const turn of turns) {
      const count = turn.messages.filter((message) => message.role === "tool" && !newest.has(message)).length;
      const done = turn.ordinal === cut.elided_turn ? cut.elided_outputs : 0;
      if (turn.ordinal < cut.elided_turn) continue;
      for (let outputs = done + 1; outputs <= count && size > low; outputs++) {
        const before = shown(turn).size;
        cut = { ...cut, elided_turn: turn.ordinal, elided_outputs: outputs };
        size += shown(turn).size - before;
      }
    }
  };

  if (size > input.limit) elideUntilLow(kept);
  if (size > input.limit) {
    while (kept.length > 0 && size > low) {
      size -= shown(kept[0] as ConversationTurn).size;
      kept = kept.slice(1);
    }
    cut = { ...cut, turn: kept[0]?.ordinal ?? input.present.ordinal };
  }
  if (size > input.limit) elideUntilLow([input.present]);

  const own = shown(input.present);
  const present = size > input.limit ? shorten(own.turn, size - input.limit) : own.turn;
  const turns = [...kept.map((turn) => shown(turn).turn), present];
  const characters = size - own.size + messagesCharacters(present.messages);
  if (characters > input.limit) return { fits: false, characters };
  return {
    fits: true,
    messages: turns.flatMap((turn) => turn.messages),
    characters,
    cut,
    turnsDropped: input.earlier.length - kept.length,
    outputsElided: countChanged([...kept, input.present], turns),
  };
}

/** The outputs that the model has not read yet: those after the last message that calls tools. */
function newestOutputs(present: ConversationTurn): Set<ConversationMessage> {
  const last = present.messages.findLastIndex(
    (message) => message.role === "assistant" && message.toolCalls.length > 0,
  );
  return new Set(last < 0 ? [] : present.messages.slice(last + 1).filter((message) => message.role === "tool"));
}

/** The turn with the outputs before the cut as a line each. @param spared outputs that stay, null for none */
function elide(turn: ConversationTurn, cut: ContextCut, spared: Set<ConversationMessage> | null): ConversationTurn {
  const whole = turn.ordinal < cut.elided_turn;
  const outputs = turn.ordinal === cut.elided_turn ? cut.elided_outputs : 0;
  if (!whole && outputs === 0 && !turn.messages.some(isLeftOut)) return turn;
  let place = 0;
  const messages = turn.messages.map((message) => {
    if (message.role !== "tool" || spared?.has(message)) return message;
    place += 1;
    const worth = message.leftOut || message.content.length > WORTH_ELIDING;
    if (!worth || !(whole || place <= outputs || message.leftOut)) return message;
    return { ...message, content: elidedLine(message, turn.messages) };
  });
  return { ...turn, messages };
}

const isLeftOut = (message: ConversationMessage) => message.role === "tool" && message.leftOut === true;

/** The newest outputs, cut to the same length where they are longer, so that `excess` characters go. */
function shorten(turn: ConversationTurn, excess: number): ConversationTurn {
  const newest = newestOutputs(turn);
  const lengths = [...newest].map((message) => message.content.length).sort((a, b) => a - b);
  let room = lengths.reduce((sum, length) => sum + length, 0) - excess;
  let share = 0;
  for (const [index, length] of lengths.entries()) {
    share = Math.floor(room / (lengths.length - index));
    if (length > share) break;
    room -= length;
  }
  if (share <= CUT_NOTE.length) share = 0;
  const messages = turn.messages.map((message) => {
    if (!newest.has(message) || message.content.length <= share) return message;
    const line = elidedLine(message as ToolConversationMessage, turn.messages);
    const content = share > line.length ? cutOutput(message.content, share) : line;
    return messageCharacters({ ...message, content } as ConversationMessage) < messageCharacters(message)
      ? ({ ...message, content } as ConversationMessage)
      : message;
  });
  return { ...turn, messages };
}

function countChanged(before: readonly ConversationTurn[], after: readonly ConversationTurn[]): number {
  return before.reduce(
    (sum, turn, index) => sum + turn.messages.filter((message, at) => message !== after[index]?.messages[at]).length,
    0,
  );
}
