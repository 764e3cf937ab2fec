import type { ContextCut, ConversationRow } from "@boocode/contracts";
import { type ClaimedTurn, type Pool, readTurnsBefore } from "@boocode/store";
import { buildTurn, type ConversationTurn } from "./turn/conversation-turn.ts";
import { WORTH_ELIDING } from "./turn/fit-context.ts";
import { messageCharacters } from "./turn/measure.ts";

export interface HistoryLimits {
  /** Nothing before it is read: an earlier request has left it out, and so does this one. */
  cut: ContextCut;
  /** Turns that were left out then. */
  turnsDropped: number;
  /** Characters that may be sent. */
  limit: number;
  /** Characters that are read at most. */
  most: number;
}

/** Turns of the first page, where no cut says how many there are: after one there are no more than were sent. */
const FIRST_PAGE = 24;
const LARGEST_PAGE = 320;
/** Turns are not of one size, and a page more costs more than a few turns too many. */
const SPARE = 1.25;

/**
 * Whole turns from the newest backwards, as many as could be sent if every long tool output became a line: a request costs
 * what it sends, whatever the length of the session.
 * @returns oldest first; `unread` is how many turns there are before them
 */
export async function readEarlierTurns(
  pool: Pool,
  turn: ClaimedTurn,
  { cut, turnsDropped, limit, most }: HistoryLimits,
  replayReasoning: boolean,
): Promise<{ earlier: ConversationTurn[]; unread: number }> {
  const newestFirst: ConversationTurn[] = [];
  let room = limit;
  let left = most;
  let before = turn.ordinal;
  let elideBelow = cut.elided_turn;
  for (let size = FIRST_PAGE; ; size = pageFor(room, (limit - room) / newestFirst.length)) {
    const page = await readTurnsBefore(pool, {
      sessionId: turn.session_id,
      before,
      from: cut.turn,
      turns: cut.turn > 0 ? null : size,
      elideBelow,
      elideOver: WORTH_ELIDING,
      withReasoning: replayReasoning,
    });
    for (const rows of page) {
      const earlier = build(rows, replayReasoning);
      room -= earlier.messages.reduce((sum, message) => sum + leastCharacters(message), 0);
      left -= earlier.messages.reduce((sum, message) => sum + message.content.length, 0);
      if (room < 0 || left < 0) return { earlier: newestFirst.reverse(), unread: earlier.ordinal };
      newestFirst.push(earlier);
      before = earlier.ordinal;
    }
    if (cut.turn > 0 || page.length < size) return { earlier: newestFirst.reverse(), unread: turnsDropped };
    // What is newer fills the window by itself: every older output becomes a line, whatever is in it.
    if (most - left > limit) elideBelow = before;
  }
}

const pageFor = (room: number, charactersOfTurn: number) =>
  Math.min(Math.ceil((room / charactersOfTurn) * SPARE) + 1, LARGEST_PAGE);

const build = (rows: ConversationRow[], replayReasoning: boolean) =>
  buildTurn(rows[0]?.turn_ordinal ?? 0, rows, replayReasoning);

/** What a message takes when its output is left out. */
function leastCharacters(message: ConversationTurn["messages"][number]): number {
  const whole = messageCharacters(message);
  return message.role === "tool" ? Math.min(whole, WORTH_ELIDING) : whole;
}
