import { type ContextCut, cutText, type ToolCall } from "@boocode/contracts";
import type { ConversationTurn, ToolConversationMessage } from "./conversation-turn.ts";
import { messageSize, messagesTokens } from "./measure.ts";
import type { ConversationMessage } from "./ports.ts";

export const NO_CUT: ContextCut = { turn: 0, elided_turn: 0, elided_outputs: 0 };

/**
 * A request that is over its limit is cut down to this share of it, so that the next requests need no cut. Each cut changes
 * the beginning of the prompt, which invalidates the model server's prompt cache.
 */
const LOW_WATER = 0.6;
/**
 * So many of the newest turns are kept if they fit, even above the low-water mark. When turns are so large that fewer fit, dropping
 * another would save only one later cut, and the model would lose what was just said.
 */
const SPARED_TURNS = 4;
/** In tokens. The newest earlier turn is dropped only if unread outputs would otherwise get less than this. */
const LEAST_OUTPUT = 500;

/** In characters. A shorter output stays, because the line in its place would not be shorter. */
export const WORTH_ELIDING = 240;
/** In characters. Longer arguments are not repeated in the line; the call itself stands right before it. */
const MAX_ARGUMENTS = 160;
const CUT_NOTE = "\n[the rest was left out to save room: ask for less at once]";

export interface FitInput {
  /** Tokens of the system prompt and the tools. */
  fixed: number;
  /** Oldest first. */
  earlier: readonly ConversationTurn[];
  /** The turn that is being answered. Its messages are never dropped. */
  present: ConversationTurn;
  /** Limit of the request's tokens. All tokens here are estimates (`Size.most`). */
  limit: number;
  /** The cut of an earlier request. This request is cut there or later. */
  cut: ContextCut;
}

export type Fit =
  | {
      fits: true;
      messages: ConversationMessage[];
      tokens: number;
      cut: ContextCut;
      /** The number of turns of `earlier` that were dropped. */
      turnsDropped: number;
      outputsElided: number;
    }
  /** Even the last question alone does not fit. */
  | { fits: false; tokens: number };

/**
 * Fits a conversation into a window, in this order: elide the oldest tool outputs of earlier turns, drop the oldest turns but
 * one, elide the old outputs of the present turn, shorten its newest outputs. The newest earlier turn is dropped only if
 * nothing else makes enough room. Every call keeps a result, and the last question always stays.
 */
export function fitContext(input: FitInput): Fit {
  const low = Math.floor(input.limit * LOW_WATER);
  let kept = input.earlier.filter((turn) => turn.ordinal >= input.cut.turn);
  let cut = input.cut;
  const newest = newestOutputs(input.present);
  const views = new Map<ConversationTurn, { cut: ContextCut; turn: ConversationTurn; size: number }>();
  /** A turn as it is sent under the current cut, memoized. */
  const shown = (turn: ConversationTurn) => {
    const known = views.get(turn);
    if (known?.cut === cut) return known;
    const view = elide(turn, cut, turn === input.present ? newest : null);
    const fresh = { cut, turn: view, size: messagesTokens(view.messages) };
    views.set(turn, fresh);
    return fresh;
  };

  let size = [...kept, input.present].reduce((sum, turn) => sum + shown(turn).size, input.fixed);
  const elideUntilLow = (turns: readonly ConversationTurn[]) => {
    for (const turn of turns) {
      if (turn.ordinal < cut.elided_turn) continue;
      const done = turn.ordinal === cut.elided_turn ? cut.elided_outputs : 0;
      const outputs = turn.messages.filter(isOutput).filter((message) => !newest.has(message));
      const calls = callsIn(turn);
      for (let at = done; at < outputs.length && size > low; at++) {
        const output = outputs[at] as ToolConversationMessage;
        cut = { ...cut, elided_turn: turn.ordinal, elided_outputs: at + 1 };
        // Only this output changes. Looking at the whole turn for each would take seconds for a turn of a thousand calls.
        if (!output.leftOut && isWorthEliding(output))
          size += messageSize(elided(output, calls)).most - messageSize(output).most;
      }
    }
  };

  if (size > input.limit) elideUntilLow(kept);
  const drop = () => {
    size -= shown(kept[0] as ConversationTurn).size;
    kept = kept.slice(1);
    cut = { ...cut, turn: kept[0]?.ordinal ?? input.present.ordinal };
  };
  if (size > input.limit) {
    while (kept.length > 1 && (size > input.limit || (size > low && kept.length > SPARED_TURNS))) drop();
  }
  if (size > input.limit) elideUntilLow([input.present]);
  if (kept.length > 0 && size - shortenable(shown(input.present).turn) > input.limit) drop();

  const own = shown(input.present);
  const rest = size - own.size;
  const present = size > input.limit ? shorten(own.turn, input.limit - rest) : own.turn;
  const turns = [...kept.map((turn) => shown(turn).turn), present];
  const tokens = rest + messagesTokens(present.messages);
  if (tokens > input.limit) return { fits: false, tokens };
  return {
    fits: true,
    messages: turns.flatMap((turn) => turn.messages),
    tokens,
    cut,
    turnsDropped: input.earlier.length - kept.length,
    outputsElided: countChanged([...kept, input.present], turns),
  };
}

/** The outputs that the model has not read yet: all after the last message that calls tools. */
function newestOutputs(present: ConversationTurn): Set<ConversationMessage> {
  const last = present.messages.findLastIndex(
    (message) => message.role === "assistant" && message.toolCalls.length > 0,
  );
  return new Set(last < 0 ? [] : present.messages.slice(last + 1).filter((message) => message.role === "tool"));
}

/** Replaces each output before the cut by one line. @param spared outputs that stay; null for none */
function elide(turn: ConversationTurn, cut: ContextCut, spared: Set<ConversationMessage> | null): ConversationTurn {
  const whole = turn.ordinal < cut.elided_turn;
  const outputs = turn.ordinal === cut.elided_turn ? cut.elided_outputs : 0;
  if (!whole && outputs === 0 && !turn.messages.some(isLeftOut)) return turn;
  const calls = callsIn(turn);
  let nth = 0;
  const messages = turn.messages.map((message) => {
    if (message.role !== "tool" || spared?.has(message)) return message;
    nth += 1;
    const isElided = message.leftOut || ((whole || nth <= outputs) && isWorthEliding(message));
    return isElided ? elided(message, calls) : message;
  });
  return { ...turn, messages };
}

const isOutput = (message: ConversationMessage): message is ToolConversationMessage => message.role === "tool";
const isLeftOut = (message: ConversationMessage) => isOutput(message) && message.leftOut === true;
const isWorthEliding = ({ content }: ToolConversationMessage) => content.length > WORTH_ELIDING;
const elided = (message: ToolConversationMessage, calls: Calls) => ({
  ...message,
  content: elidedLine(message, calls),
});

/** Returns the tokens that cutting the newest outputs can save, if each keeps `LEAST_OUTPUT`. */
function shortenable(turn: ConversationTurn): number {
  return [...newestOutputs(turn)].reduce(
    (sum, message) => sum + Math.max(0, messageSize(message).most - LEAST_OUTPUT),
    0,
  );
}

/** Cuts the longest of the newest outputs to a common number of tokens, so that the turn fits into `room` tokens if possible. */
function shorten(turn: ConversationTurn, room: number): ConversationTurn {
  const newest = newestOutputs(turn);
  const sizes = [...newest].map((message) => messageSize(message).most).sort((a, b) => a - b);
  let left = room - messagesTokens(turn.messages) + sizes.reduce((sum, size) => sum + size, 0);
  let share = 0;
  for (const [index, size] of sizes.entries()) {
    share = Math.floor(left / (sizes.length - index));
    if (size > share) break;
    left -= size;
  }
  // Text that is denser at its beginning has more tokens than its share of the characters.
  for (; share > 0; share = Math.floor(share * 0.8)) {
    const shortened = cutTo(turn, newest, share);
    if (messagesTokens(shortened.messages) <= room) return shortened;
  }
  return cutTo(turn, newest, 0);
}

function cutTo(turn: ConversationTurn, newest: Set<ConversationMessage>, share: number): ConversationTurn {
  const calls = callsIn(turn);
  const messages = turn.messages.map((message) => {
    const { most } = messageSize(message);
    if (!newest.has(message) || most <= share) return message;
    const line = elidedLine(message as ToolConversationMessage, calls);
    const characters = Math.floor(message.content.length * (share / most));
    const content = characters > line.length + CUT_NOTE.length ? cutOutput(message.content, characters) : line;
    const shorter = { ...message, content } as ConversationMessage;
    return messageSize(shorter).most < most ? shorter : message;
  });
  return { ...turn, messages };
}

function countChanged(before: readonly ConversationTurn[], after: readonly ConversationTurn[]): number {
  return before.reduce(
    (sum, turn, index) => sum + turn.messages.filter((message, at) => message !== after[index]?.messages[at]).length,
    0,
  );
}

type Calls = ReadonlyMap<string, ToolCall>;

/** A turn's calls by id; of several with the same id, the first. */
function callsIn({ messages }: ConversationTurn): Calls {
  const calls = messages.flatMap((message) => (message.role === "assistant" ? message.toolCalls : []));
  return new Map(calls.toReversed().map((call) => [call.id, call]));
}

/** The line in place of an output. It is the same for the same output in every worker, or the prompt cache would miss. */
function elidedLine(message: ToolConversationMessage, calls: Calls): string {
  const call = calls.get(message.toolCallId);
  const json = call ? JSON.stringify(call.arguments) : "{}";
  const what = json.length <= MAX_ARGUMENTS ? `${message.name} ${json}` : `${message.name} with the same arguments`;
  return `[output left out to save room: call ${what} again]`;
}

/** The beginning of an output that does not fit, and a note on how to get the rest. */
const cutOutput = (content: string, characters: number) =>
  cutText(content, Math.max(0, characters - CUT_NOTE.length)) + CUT_NOTE;
