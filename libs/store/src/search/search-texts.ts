import {
  type ListedSession,
  type ListPlace,
  MATCHES_PER_SESSION,
  type SearchMatch,
  type SessionList,
} from "@boocode/contracts";
import { readableSession } from "../access.ts";
import { type Pool, summaryColumns } from "../sql.ts";
import { excerptOf, findTerms, readQuery, type Wanted } from "./match-text.ts";
import { type FoundText, type Place, readBlocks, readFound, readNewTexts, type Scope } from "./read-found.ts";

export interface Search extends Scope {
  /** A `SearchQuery`. */
  query: string;
  /** The most sessions. */
  limit: number;
  before?: ListPlace | undefined;
}

/** Blocks of the first statement, at most: those of the same time as the newest, which are enough for words that many texts have. */
const FIRST_BLOCKS = 16;
const MOST_BLOCKS = 64;
/** When a search ends with what it has found, so that no query holds the database; a later page goes on. */
const TEXTS_PER_SEARCH = 500;
const MS_PER_SEARCH = 300;
/** Sessions that a page knows from the pages before. */
const MOST_SEEN = 200;

const NEWEST: Place = { micros: 8e15, id: "ffffffff-ffff-ffff-ffff-ffffffffffff" };
const isOlder = (a: Place, b: Place) => a.micros < b.micros || (a.micros === b.micros && a.id < b.id);
const newestFirst = (a: Place, b: Place) => (isOlder(a, b) ? 1 : -1);

/**
 * Finds the sessions of which the name, a question or an answer has all terms of a query, those with the newest such text first, each
 * with some of its matches.
 * @returns a page; it may have fewer sessions than the limit although there are more
 */
export async function searchTexts(pool: Pool, { query, limit, before, ...scope }: Search): Promise<SessionList> {
  const wanted = readQuery(query);
  const found = new Map<string, SearchMatch[]>();
  const seen = before?.seen ?? [];
  let last: Place = before ? { micros: Number(before.micros), id: before.id } : NEWEST;
  let isMore = false;
  for await (const looked of lookThrough(pool, scope, { wanted, from: last, seen, full: () => fullOf(found) })) {
    if (looked.match) {
      const matches = found.get(looked.sessionId) ?? [];
      // A further session begins the next page.
      isMore = matches.length === 0 && found.size === limit;
      if (isMore) break;
      if (matches.length < MATCHES_PER_SESSION) found.set(looked.sessionId, [...matches, looked.match]);
    }
    last = looked.place;
    isMore = looked.isCut;
  }
  const ids = [...found.keys()];
  const summaries = await pool<ListedSession[]>`
    select ${summaryColumns(pool)} from sessions s
    where s.id = any(${ids}::uuid[]) and ${readableSession(pool, scope.userId)}`;
  const byId = new Map(summaries.map((session) => [session.id, session]));
  const sessions = ids.flatMap((id) => {
    const session = byId.get(id);
    return session ? [{ ...session, matches: found.get(id) }] : [];
  });
  const known = [...seen, ...ids.map((id) => id.replaceAll("-", "").slice(0, 12))].slice(-MOST_SEEN);
  return { sessions, has_more: isMore, next_before: isMore ? `${last.micros}.${last.id}.${known.join("")}` : null };
}

const fullOf = (found: Map<string, SearchMatch[]>) =>
  [...found].flatMap(([id, matches]) => (matches.length < MATCHES_PER_SESSION ? [] : [id]));

interface Looked {
  /** Up to where texts were looked at. */
  place: Place;
  sessionId: string;
  /** null: the text only has the words, or nothing was found up to this place. */
  match: SearchMatch | null;
  /** The search ended here before its end. */
  isCut: boolean;
}

interface LookThrough {
  wanted: Wanted;
  from: Place;
  seen: readonly string[];
  full(): string[];
}

/** Looks at the texts that have the words of a query, newest first. */
async function* lookThrough(
  pool: Pool,
  scope: Scope,
  { wanted, from, seen, full }: LookThrough,
): AsyncGenerator<Looked, void> {
  const until = performance.now() + MS_PER_SEARCH;
  const isSeen = ({ session_id }: FoundText) => seen.includes(session_id.replaceAll("-", "").slice(0, 12));
  // First what is new: it may get its words at any moment, and is then found twice, not never.
  let unwritten = (await readNewTexts(pool, scope)).filter((text) => isOlder(text, from) && !isSeen(text));
  const known = new Set(unwritten.map(({ id }) => id));
  let blocks = (await readBlocks(pool, scope)).filter(({ first }) => first <= from.micros);
  const newest = blocks[0]?.first ?? 0;
  let size = Math.min(FIRST_BLOCKS, blocks.filter(({ last }) => last >= newest).length);
  let place = from;
  let texts = 0;
  for (;;) {
    const window = blocks.slice(0, size);
    const look = { wanted, blocks: window, before: place, without: full(), seen };
    const { texts: read, isAll } = window.length > 0 ? await readFound(pool, scope, look) : { texts: [], isAll: true };
    const oldest = read.at(-1);
    // The other blocks may have texts that are older than this.
    const horizon: Place = { micros: blocks[size]?.last ?? -1, id: NEWEST.id };
    const isReached = (text: FoundText) => isOlder(horizon, text) && (isAll || !oldest || !isOlder(text, oldest));
    const found = [...read.filter(({ id }) => !known.has(id)), ...unwritten].filter(isReached).sort(newestFirst);
    for (const text of found) {
      place = text;
      texts += 1;
      const isCut = texts >= TEXTS_PER_SEARCH;
      yield { place, sessionId: text.session_id, match: matchOf(text, wanted), isCut };
      if (isCut) return;
    }
    unwritten = unwritten.filter((text) => isOlder(text, place));
    const isDone = isAll && read.every(isReached);
    if (isDone && size >= blocks.length) return;
    if (isDone && isOlder(horizon, place)) place = horizon;
    if (performance.now() > until) {
      yield { place, sessionId: "", match: null, isCut: true };
      return;
    }
    if (isDone) [blocks, size] = [blocks.slice(size), Math.min(size * 2, MOST_BLOCKS)];
    else if (!read.every((text) => isOlder(horizon, text))) size *= 2;
  }
}

function matchOf({ text, id, turn_id, at, in: where }: FoundText, wanted: Wanted): SearchMatch | null {
  const ranges = findTerms(text, wanted);
  if (!ranges) return null;
  return { in: where, message_id: where === "name" ? null : id, turn_id, at, excerpt: excerptOf(text, ranges) };
}
