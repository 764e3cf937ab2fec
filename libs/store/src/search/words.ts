// PURE
import { cutText } from "@boocode/contracts";

/*
 * The words by which texts are found. Decided here and not by Postgres: its text search and pg_trgm depend on the locale of the
 * database, and know neither identifiers nor Chinese (docs/decisions.md).
 */

/** The part of a text that is searched, in UTF-16 units. */
export const SEARCHED_UNITS = 128 * 1024;
/** The most different words of a text. With the length of a word they bound its row: a tsvector may have 1 MB, a word in it 2 KB. */
export const MAX_WORDS = 5_000;
const MAX_WORD_UNITS = 48;
/** Parts of one identifier that are found by themselves. */
const MAX_PARTS = 8;

/** Characters of scripts without blanks, and pictures: each begins a word. */
const ALONE =
  "[[[\\p{scx=Han}\\p{scx=Hiragana}\\p{scx=Katakana}\\p{scx=Hangul}\\p{scx=Thai}\\p{scx=Lao}\\p{scx=Khmer}\\p{scx=Myanmar}]" +
  "&&[\\p{L}\\p{N}\\p{M}]]\\p{Extended_Pictographic}]";
const RUN = new RegExp(`(${ALONE}+)|[[\\p{L}\\p{N}\\p{M}]--${ALONE}]+`, "gv");
/** Where a part of an identifier begins, after its first character: `Bar` in `fooBar`, `Server` in `HTTPServer`. */
const PART = /(?<!\p{Lu})\p{Lu}|\p{Lu}(?=\p{Ll})/gu;

/** @returns the text in lower case, of the same length */
export const foldCase = (text: string) => text.replaceAll("İ", "i").toLowerCase().replaceAll("ς", "σ");

/** A run of characters of one kind, and where words begin in it. */
interface Run {
  text: string;
  at: number;
  /** Whether each of its characters begins a word. */
  isAlone: boolean;
}

export function* runsOf(text: string): Generator<Run, void> {
  for (const match of text.matchAll(RUN)) yield { text: match[0], at: match.index, isAlone: match[1] !== undefined };
}

/** Where words and parts of identifiers begin in a run of other characters than single ones. */
export function* startsOf(run: string): Generator<number, void> {
  yield 0;
  for (const { index } of run.matchAll(PART)) if (index > 0) yield index;
}

/** The words by which a text is found: each with the rest of its run, so that a term can end anywhere. */
export function wordsOf(text: string): Set<string> {
  const words = new Set<string>();
  const known = new Set<string>();
  for (const run of runsOf(cutText(text, SEARCHED_UNITS))) {
    if (known.has(run.text)) continue;
    known.add(run.text);
    for (const word of run.isAlone ? pairsOf(run.text) : partsOf(run.text)) {
      if (words.size === MAX_WORDS) return words;
      words.add(word);
    }
  }
  return words;
}

function* partsOf(run: string): Generator<string, void> {
  const folded = foldCase(run);
  let parts = 0;
  for (const start of startsOf(run)) {
    if (parts++ === MAX_PARTS) return;
    yield cutText(folded.slice(start), MAX_WORD_UNITS);
  }
}

/** Each character with the next one, and the last one alone. */
function* pairsOf(run: string): Generator<string, void> {
  const characters = [...foldCase(run)];
  for (const [at, character] of characters.entries()) yield character + (characters[at + 1] ?? "");
}

/** What a text that has the term must have among its words. */
export interface WantedWord {
  word: string;
  /** Whether the word of the text may go on. */
  isPrefix: boolean;
}

/** The words that a text must have in which the term stands; none for a term without letters and digits. */
export function wantedOf(term: string): WantedWord[] {
  return [...runsOf(term)].flatMap(({ text, at, isAlone }): WantedWord[] => {
    const folded = foldCase(text);
    const characters = [...folded];
    if (isAlone && characters.length > 1)
      return characters.slice(1).map((next, index) => ({ word: `${characters[index]}${next}`, isPrefix: false }));
    const word = cutText(folded, MAX_WORD_UNITS);
    return [{ word, isPrefix: isAlone || word !== folded || at + text.length === term.length }];
  });
}
