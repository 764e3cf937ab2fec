// PURE
import { type FileText, findPlaces, type Place, toFileText } from "./file-text.ts";
import { type Block, isCommon, type Quotes } from "./find-quotes.ts";

/** A citation to judge. */
export interface Cited {
  path: string;
  first: number;
  last: number;
  quotes: Quotes;
}

/** A file as it is now; `isWhole` is false when only the cited lines were read. */
export interface ReadFile {
  /** Line 1 is the first; of a file that is not whole some may be absent. */
  lines: string[];
  isWhole: boolean;
}

/** A file with what the comparisons have found in it. */
export interface JudgedFile {
  file: ReadFile | null;
  shown: ReadonlyMap<number, string>;
  /** Of the file, made when it is needed. */
  text: FileText | null;
  places: Map<string, Place[]>;
}

/** The share of the words of changed code, or of the lines of a block, that must stand together for it to be found again. */
const ENOUGH_WORDS = 0.6;
const MAX_WORDS = 8;
/** How many characters the comparisons of one answer may look at. */
export const MAX_COMPARED = 64_000_000;

/** The comparisons take too long. */
export class TooMuchToCompare extends Error {
  override name = "TooMuchToCompare";
}

/** How many characters may still be compared. */
export interface Budget {
  left: number;
}

export function spend(budget: Budget, characters: number): void {
  budget.left -= characters;
  if (budget.left < 0) throw new TooMuchToCompare("the comparison of an answer's citations takes too long");
}

/** A quote to look for; a line of a block has its place there. */
interface Wanted {
  text: string;
  isName: boolean;
  of?: { block: Block; line: number };
}

interface FoundQuote {
  quote: Wanted;
  places: Place[];
}

export const wantedOf = ({ names, code, blocks }: Quotes): Wanted[] => [
  ...blocks.flatMap((block) => block.lines.map(({ line, text }) => ({ text, isName: false, of: { block, line } }))),
  ...code.map((text) => ({ text, isName: false })).sort((a, b) => b.text.length - a.text.length),
  ...names.map((text) => ({ text, isName: true })),
];

/** @returns null unless none of the quotes stands in the cited lines and one stands elsewhere in the file */
export function findMove(
  quotes: Quotes,
  lines: readonly string[],
  { first, last }: Cited,
  judged: JudgedFile,
  budget: Budget,
): { to: Place | null } | null {
  const wanted = wantedOf(quotes);
  if (wanted.length === 0 || !judged.file?.isWhole) return null;
  judged.text ??= toFileText(judged.file.lines);
  const now = judged.text;
  const cited = toFileText(lines);
  const placesNow = ({ text, isName }: Wanted): Place[] => {
    const key = `${isName ? "name" : "code"} ${text}`;
    const known = judged.places.get(key);
    if (known) return known;
    spend(budget, now.text.length);
    const whole = findPlaces(now, text, isName);
    const places = whole.length > 0 || !isName ? whole : findPlaces(now, memberOf(text), true);
    judged.places.set(key, places);
    return places;
  };
  const elsewhere: FoundQuote[] = [];
  const changed: string[][] = [];
  for (const quote of wanted) {
    spend(budget, cited.text.length);
    if (stands(cited, quote)) return null;
    const places = placesNow(quote).filter((place) => place.last < first || place.first > last);
    if (places.length > 0) elsewhere.push({ quote, places });
    else if (!quote.isName && placesNow(quote).length === 0) changed.push(wordsOf(quote.text));
  }
  if (quotes.blocks.some((block) => isInBlock(block, elsewhere, first, last))) return null;
  for (const words of changed) {
    if (words.length === 0) continue;
    spend(budget, cited.text.length * words.length);
    const found = words.filter((word) => stands(cited, { text: word, isName: true }));
    if (found.length >= words.length * ENOUGH_WORDS) return null;
  }
  if (elsewhere.length > 0) return { to: onePlace(elsewhere) };
  for (const words of changed) {
    const places = linesWith(words, (word) => placesNow({ text: word, isName: true }), first, last);
    if (places.length > 0) return { to: places.length === 1 ? (places[0] as Place) : null };
  }
  return null;
}

/** A method is often named with its class: its last name is enough. */
export function stands(cited: FileText, { text, isName }: Wanted): boolean {
  if (cited.text === "") return false;
  if (findPlaces(cited, text, isName).length > 0) return true;
  return isName && findPlaces(cited, memberOf(text), true).length > 0;
}

const memberOf = (name: string) => name.split(/[.:>#?]+/).findLast((part) => part !== "") ?? name;

/** The first quote that stands in one place only, which the other lines of its block extend. */
function onePlace(elsewhere: readonly FoundQuote[]): Place | null {
  const single = elsewhere.find(({ places }) => places.length === 1);
  const place = single?.places[0];
  if (!single || !place) return null;
  const { of } = single.quote;
  if (!of) return place;
  const start = place.first - of.line;
  const lines = elsewhere.flatMap(({ quote, places }) =>
    quote.of?.block === of.block ? places.filter(({ first }) => first - (quote.of?.line ?? 0) === start) : [],
  );
  return { first: Math.min(...lines.map(({ first }) => first)), last: Math.max(...lines.map(({ last }) => last)) };
}

/**
 * Whether a cited line is within the quoted block, as it stands in the file: perhaps it is one of those that are not compared, such as
 * a bracket.
 */
function isInBlock(block: Block, found: readonly FoundQuote[], first: number, last: number): boolean {
  const votes = new Map<number, number>();
  for (const { quote, places } of found) {
    if (quote.of?.block !== block) continue;
    for (const place of places) {
      const start = place.first - quote.of.line;
      votes.set(start, (votes.get(start) ?? 0) + 1);
    }
  }
  return [...votes].some(
    ([start, count]) => count >= block.lines.length * ENOUGH_WORDS && start <= last && start + block.length > first,
  );
}

function wordsOf(code: string): string[] {
  const words = code.match(/[\p{L}_$][\p{L}\p{N}_$]*/gu) ?? [];
  return [...new Set(words.filter((word) => !isCommon(word)))].slice(0, MAX_WORDS);
}

/** The lines outside `first` to `last` that have most of the words. */
function linesWith(
  words: readonly string[],
  placesOf: (word: string) => Place[],
  first: number,
  last: number,
): Place[] {
  const counts = new Map<number, number>();
  for (const word of words) {
    for (const { first: line } of placesOf(word)) counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  const enough = Math.max(Math.min(2, words.length), words.length * ENOUGH_WORDS);
  return [...counts]
    .filter(([line, count]) => count >= enough && (line < first || line > last))
    .map(([line]) => ({ first: line, last: line }));
}
