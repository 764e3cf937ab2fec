// PURE
import { MAX_REPLY_BYTES, MAX_SNAPSHOT_OUTPUT_BYTES, type MessagePlace } from "@boocode/contracts";

/** What is known of a message without reading it. Lengths are in bytes as stored, which Postgres knows without reading a text. */
export interface MessageSize extends MessagePlace {
  id: string;
  turn_id: string;
  role: "user" | "assistant" | "tool";
  isStreaming: boolean;
  content: number;
  reasoning: number;
  /** Of the tool calls, the facts about a tool's result and the citations, perhaps compressed. */
  calls: number;
}

/** How much of a message is read: at most so many characters of its texts, and calls with their arguments up to so many bytes. */
export interface MessageCut {
  id: string;
  content: number;
  reasoning: number;
  calls: number;
}

/** JSON of a message with empty texts. */
const BARE_BYTES = 700;
/** No question and no reply is longer, but for what earlier versions stored. What streams must not be cut: frames continue it. */
const TEXT_CHARACTERS = MAX_REPLY_BYTES;
const CALLS_BYTES = 64 * 1024;
/** The least that a page shows of an output that it shortens. */
const LEAST_OUTPUT = 2_000;

/** The longest length at which all lengths together, each cut to it, fit into `room`; infinite when they fit as they are. */
export function evenCut(lengths: readonly number[], room: number): number {
  let left = room;
  const ascending = [...lengths].sort((a, b) => a - b);
  for (const [rank, length] of ascending.entries()) {
    const share = left / (ascending.length - rank);
    if (length > share) return Math.max(0, Math.floor(share));
    left -= length;
  }
  return Number.POSITIVE_INFINITY;
}

/**
 * Decides which messages a page has, and how much of each: the newest whole turns within `limit`, and at least one. If they are
 * longer than `room`, the longest tool outputs are shortened; if that is not enough, the page ends at a message.
 * @param sizes newest first
 */
export function planPage(sizes: readonly MessageSize[], limit: number, room: number): MessageCut[] {
  const wanted = wholeTurns(sizes, limit);
  const outputs = wanted.filter(({ role }) => role === "tool").map(({ content }) => content);
  const others = wanted.reduce((sum, size) => sum + restOf(size) + (size.role === "tool" ? 0 : size.content), 0);
  const output = Math.max(LEAST_OUTPUT, evenCut(outputs, Math.max(0, room - others)));
  const cuts: MessageCut[] = [];
  let left = room;
  for (const size of wanted) {
    const content = Math.min(TEXT_CHARACTERS, size.role === "tool" ? output : size.content);
    left -= restOf(size) + Math.min(size.content, content);
    if (left < 0 && cuts.length > 0) break;
    cuts.push({ id: size.id, content, reasoning: TEXT_CHARACTERS, calls: CALLS_BYTES });
  }
  return cuts;
}

const restOf = ({ reasoning, calls }: MessageSize) =>
  BARE_BYTES + Math.min(reasoning, TEXT_CHARACTERS) + Math.min(calls, CALLS_BYTES);

function wholeTurns(sizes: readonly MessageSize[], limit: number): readonly MessageSize[] {
  const [newest] = sizes;
  const unfit = sizes[limit];
  if (!newest || !unfit) return sizes;
  const whole = sizes.filter(({ turn_ordinal }) => turn_ordinal > unfit.turn_ordinal);
  return whole.length > 0 ? whole : sizes.filter(({ turn_ordinal }) => turn_ordinal === newest.turn_ordinal);
}

/** The texts of questions and replies, of all turns that are read together. */
const SNAPSHOT_TEXTS = 256 * 1024;
const SNAPSHOT_CALLS = 16 * 1024;

/** Decides how much of each message snapshots show. What streams is whole, because further frames continue it. */
export function planSnapshots(sizes: readonly MessageSize[]): MessageCut[] {
  const ended = sizes.filter(({ isStreaming }) => !isStreaming);
  const texts = ended.flatMap((size) => (size.role === "tool" ? [] : [size.content, size.reasoning]));
  const text = evenCut(texts, SNAPSHOT_TEXTS);
  const output = new Map<string, number>();
  for (const turn of new Set(ended.map(({ turn_id }) => turn_id))) {
    const outputs = ended.filter(({ role, turn_id }) => role === "tool" && turn_id === turn);
    const lengths = outputs.map(({ content }) => content);
    output.set(turn, evenCut(lengths, MAX_SNAPSHOT_OUTPUT_BYTES));
  }
  return sizes.map(({ id, turn_id, role, isStreaming, content, reasoning }) => ({
    id,
    content: isStreaming ? content : Math.min(content, (role === "tool" ? output.get(turn_id) : text) ?? content),
    reasoning: isStreaming ? reasoning : Math.min(reasoning, text),
    calls: SNAPSHOT_CALLS,
  }));
}
