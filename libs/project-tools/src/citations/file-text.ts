// PURE
import { squeeze } from "./find-quotes.ts";

/** Lines of a file, ready for comparisons: without layout, in one text. */
export interface FileText {
  text: string;
  /** Where each line begins in it; line 1 is the first. */
  starts: number[];
}

export interface Place {
  first: number;
  last: number;
}

/** How many places of a quote are looked at. */
const MAX_PLACES = 200;
const WORD = /[\p{L}\p{N}_$]/u;

export function toFileText(lines: readonly string[]): FileText {
  const starts: number[] = [];
  const squeezed: string[] = [];
  let at = 0;
  for (const line of lines) {
    starts.push(at);
    const one = squeeze(line);
    squeezed.push(one);
    at += one.length + 1;
  }
  return { text: squeezed.join(" "), starts };
}

/** Where a piece of code, or a name as a whole word, stands in a file; at most `MAX_PLACES` places. */
export function findPlaces({ text, starts }: FileText, quote: string, isName: boolean): Place[] {
  const places: Place[] = [];
  for (let at = text.indexOf(quote); at !== -1 && places.length < MAX_PLACES; at = text.indexOf(quote, at + 1)) {
    if (isName && !isWholeWord(text, at, at + quote.length)) continue;
    const place = { first: lineAt(starts, at), last: lineAt(starts, at + quote.length - 1) };
    if (places.at(-1)?.first !== place.first) places.push(place);
  }
  return places;
}

const isWholeWord = (text: string, start: number, end: number) =>
  !WORD.test(text[start - 1] ?? " ") && !WORD.test(text[end] ?? " ");

function lineAt(starts: readonly number[], at: number): number {
  let [low, high] = [0, starts.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= at) low = middle + 1;
    else high = middle;
  }
  return low;
}
