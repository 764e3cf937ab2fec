// PURE
import { characterBoundary, cutText, type Excerpt, type TextRange } from "@boocode/contracts";
import { foldCase, runsOf, SEARCHED_UNITS, startsOf, type WantedWord, wantedOf } from "./words.ts";

/** A query, taken apart once. */
export interface Wanted {
  /** In lower case. */
  terms: string[];
  /** What a text must have among its words. Never empty. */
  words: WantedWord[];
  /** Whether a text that has the words has the terms, too, but for one that is longer than what is searched. */
  isExact: boolean;
}

/** @param query a `SearchQuery` */
export function readQuery(query: string): Wanted {
  const terms = [...new Set(query.split(/\s+/u).filter((term) => term !== ""))];
  const words = new Map<string, WantedWord>();
  for (const word of terms.flatMap(wantedOf)) words.set(`${word.word}${word.isPrefix ? "*" : ""}`, word);
  const folded = [...new Set(terms.map(foldCase))];
  return { terms: folded, words: [...words.values()], isExact: folded.every((term) => words.has(`${term}*`)) };
}

/** The most places of one term that are looked for in a text. */
const PLACES_PER_TERM = 20;

/** The most places that are looked at for one term: a text can repeat what almost fits. */
const LOOKS_PER_TERM = 20_000;

/** @returns where the terms stand in a text, in order, without overlaps; null: it lacks a term */
export function findTerms(text: string, { terms }: Wanted): TextRange[] | null {
  const searched = cutText(text, SEARCHED_UNITS);
  const folded = foldCase(searched);
  const found: TextRange[] = [];
  for (const term of terms) {
    let places = 0;
    let looks = 0;
    for (let at = folded.indexOf(term); at >= 0; at = folded.indexOf(term, at + 1)) {
      if (++looks > LOOKS_PER_TERM) break;
      if (!begins(searched, at)) continue;
      found.push({ start: at, end: at + term.length });
      if (++places === PLACES_PER_TERM) break;
    }
    if (places === 0) return null;
  }
  return joined(found);
}

/** The characters before and after a place that decide whether a word begins there. */
const AROUND = 6;
const ASCII = /^[\0-\x7f]*$/;

/** Whether a term that is found at this place begins with a word, a part of an identifier, or something else. */
function begins(text: string, at: number): boolean {
  if (at === 0) return true;
  const around = text.slice(at - 1, at + 2);
  // Nearly all texts: without the tables of Unicode.
  if (ASCII.test(around)) return /^[^A-Za-z0-9]|^.[^A-Za-z0-9]|^[^A-Z][A-Z]|^.[A-Z][a-z]/s.test(around);
  const from = characterBoundary(text, Math.max(0, at - AROUND));
  const near = text.slice(from, characterBoundary(text, Math.min(text.length, at + AROUND)));
  for (const run of runsOf(near)) {
    const place = at - from - run.at;
    if (place < 0) break;
    if (place >= run.text.length) continue;
    return run.isAlone || [...startsOf(run.text)].includes(place);
  }
  return true;
}

function joined(ranges: TextRange[]): TextRange[] {
  const inOrder = ranges.sort((a, b) => a.start - b.start || b.end - a.end);
  const apart: TextRange[] = [];
  for (const range of inOrder) {
    const last = apart.at(-1);
    if (last && range.start < last.end) last.end = Math.max(last.end, range.end);
    else apart.push({ ...range });
  }
  return apart;
}

/** The longest excerpt, in UTF-16 units. */
const EXCERPT_UNITS = 240;
/** What an excerpt shows before its first match. */
const LEAD_UNITS = 60;

/** The part of a text with the most different terms, of the first ones that were found. @param found from `findTerms`, not empty */
export function excerptOf(text: string, found: readonly TextRange[]): Excerpt {
  const first = found
    .slice(0, PLACES_PER_TERM)
    .map((range) => ({ ...range, term: foldCase(text.slice(range.start, range.end)) }));
  let [begin, most] = [0, 0];
  for (const { start } of first) {
    const until = start + EXCERPT_UNITS - LEAD_UNITS;
    const terms = new Set(first.filter((range) => range.start >= start && range.end <= until).map(({ term }) => term));
    if (terms.size > most) [begin, most] = [start, terms.size];
  }
  const offset = characterBoundary(text, Math.max(0, begin - LEAD_UNITS));
  const shown = cutText(text.slice(offset, offset + EXCERPT_UNITS + 1), EXCERPT_UNITS);
  const ranges = found
    .filter(({ start, end }) => start < offset + shown.length && end > offset)
    .map(({ start, end }) => ({ start: Math.max(0, start - offset), end: Math.min(end - offset, shown.length) }));
  return { text: shown, offset, ranges };
}
