import type { ContextCut } from "@boocode/contracts";
import { type ClaimedTurn, type PlacedRow, type Pool, readTurnsBefore } from "@boocode/store";
import { buildTurn, type ConversationTurn } from "../turn/conversation-turn.ts";
import { WORTH_ELIDING } from "../turn/fit-context.ts";
import { messageSize, messagesTokens } from "../turn/measure.ts";

export interface HistoryLimits {
  /** The cut of the previous request. Turns before it are not read, because this request omits them too. */
  cut: ContextCut;
  /** The number of turns that the previous request dropped. */
  turnsDropped: number;
  /** The previous request had every turn, so that all are read. */
  hadAll: boolean;
  /** Limit of tokens that may be sent. */
  limit: number;
  /** The most characters that are read. */
  most: number;
}

/** Turns on the first page when it is unknown how many fit. Those that were all sent before are read at once. */
const FIRST_PAGE = 24;
const LARGEST_PAGE = 320;
/** Approximate tokens of an elided output. */
const ELIDED_TOKENS = 60;
/** How much larger than estimated a page is: turns differ in size, and another page costs more than some unneeded turns. */
const SPARE = 1.25;

/** What a turn's first request is built from. */
export interface History {
  /** The committed messages of the turn itself. */
  present: PlacedRow[];
  /** Earlier turns, oldest first. */
  earlier: ConversationTurn[];
  /** The number of unread turns before them. */
  unread: number;
}

/**
 * Reads the turn's own messages and whole earlier turns from the newest backwards, up to the number that fits if every long tool output is
 * elided. The cost depends on what is sent and not on the length of the session. Mostly one statement: the model call waits for it.
 */
export async function readHistory(
  pool: Pool,
  turn: Pick<ClaimedTurn, "session_id" | "ordinal">,
  { cut, turnsDropped, hadAll, limit, most }: HistoryLimits,
  replayReasoning: boolean,
): Promise<History> {
  let present: PlacedRow[] = [];
  const newestFirst: ConversationTurn[] = [];
  const upTo = (unread: number): History => ({ present, earlier: newestFirst.reverse(), unread });
  const isOnePage = cut.turn > 0 || hadAll;
  let room = limit;
  let left = most;
  let tokens = 0;
  let before = turn.ordinal;
  let elideBelow = cut.elided_turn;
  for (let size = FIRST_PAGE; ; size = pageFor(room, (limit - room) / newestFirst.length)) {
    const isFirst = before === turn.ordinal;
    const page = await readTurnsBefore(pool, {
      sessionId: turn.session_id,
      before,
      from: cut.turn,
      withPresent: isFirst,
      turns: isOnePage ? null : size,
      elideBelow,
      elideOver: WORTH_ELIDING,
      withReasoning: replayReasoning,
    });
    if (isFirst && page[0]?.[0]?.turn_ordinal === turn.ordinal) present = page.shift() as PlacedRow[];
    for (const rows of page) {
      const earlier = build(rows, replayReasoning);
      room -= earlier.messages.reduce((sum, message) => sum + leastTokens(message), 0);
      left -= earlier.messages.reduce((sum, message) => sum + message.content.length, 0);
      if (room < 0 || left < 0) return upTo(earlier.ordinal);
      newestFirst.push(earlier);
      tokens += messagesTokens(earlier.messages);
      before = earlier.ordinal;
    }
    if (isOnePage || page.length < size) return upTo(turnsDropped);
    // The newer turns alone fill the window, so every older output will be elided and need not be read.
    if (tokens > limit) elideBelow = before;
  }
}

const pageFor = (room: number, tokensOfTurn: number) =>
  Math.min(Math.ceil((room / tokensOfTurn) * SPARE) + 1, LARGEST_PAGE);

const build = (rows: PlacedRow[], replayReasoning: boolean) =>
  buildTurn(rows[0]?.turn_ordinal ?? 0, rows, replayReasoning);

/** Returns the tokens of a message once its output is elided. */
function leastTokens(message: ConversationTurn["messages"][number]): number {
  const { most } = messageSize(message);
  return message.role === "tool" ? Math.min(most, ELIDED_TOKENS) : most;
}
