// PURE
import { type Fence, findFences } from "./find-fences.ts";
import type { FoundCitation } from "./resolve-citations.ts";

/** Lines of code that are quoted together. */
export interface Block {
  /** How many there are. */
  length: number;
  /** Those that are compared, with single blanks; the first of the block is line 0. */
  lines: { line: number; text: string }[];
}

/** What an answer quotes beside a citation. */
export interface Quotes {
  /** Identifiers, perhaps with the names before their last point. */
  names: string[];
  /** Pieces of code, each within a line, with single blanks. */
  code: string[];
  /** Fenced blocks. */
  blocks: Block[];
}

/** How far from a citation a quote may begin, within its sentence. */
const REACH = 400;
const MAX_QUOTES = 12;
const MAX_QUOTE_LENGTH = 400;
const IN_LINE = /`([^`\n]{1,400})`|"([^"\n]{3,200})"|“([^”\n]{3,200})”/g;
/** In scripts without capital letters, too; an ideographic full stop needs no blank after it. */
const SENTENCE_END = /[.!?؟।][")'*]*\s+(?=[\p{Lu}\p{Lo}`*[“"])|[。！？｡][”’」』）)"'*]*\s*/gu;
const IDENTIFIER = /^[@#$]{0,2}[\p{L}_$][\p{L}\p{N}_$]*(?:(?:\.|::|->|#|\?\.)[#$]?[\p{L}_$][\p{L}\p{N}_$]*)*[!?]?$/u;
const PATH = /^[^\s]*\/[^\s]*\.\p{L}\w*(?:[:#].*)?$|^[\w.-]+\.\p{L}{1,5}(?::\d.*|#L\d.*)$/u;

/** Words that stand in so many lines that they say nothing about one. */
const COMMON = new Set(
  (
    "abstract and any as async await bool boolean break case catch char class const continue def default delete del do double elif " +
    "else end enum export extends extern false final finally float fn for from func function get go goto if impl implements import " +
    "in instanceof int interface internal is lambda let long match mod module mut namespace new nil none not null number object of " +
    "operator or override package pass private protected pub public raise readonly ref require return self set short static str " +
    "string struct super switch template this throw throws trait true try type typeof undefined unknown unsigned use using val var " +
    "void volatile when where while with yield"
  ).split(" "),
);

export const isCommon = (word: string): boolean => word.length < 3 || COMMON.has(word.toLowerCase());

/** A line without what its layout adds. */
export const squeeze = (line: string): string => line.replace(/\s+/g, " ").trim();

/**
 * Finds what stands beside each citation: code and quotations in its sentence, up to the citations before and after it, and the
 * fenced block that follows or precedes its line.
 * @param citations in the order of the text
 */
export function findQuotes(text: string, citations: readonly FoundCitation[]): Quotes[] {
  const fences = findFences(text);
  return citations.map((citation, index) => {
    const quotes: Quotes = { names: [], code: [], blocks: [] };
    const before = index === 0 ? 0 : outerEnd(text, citations[index - 1] as FoundCitation);
    const after =
      index === citations.length - 1 ? text.length : outerStart(text, citations[index + 1] as FoundCitation);
    for (const part of besides(text, citation, before, after)) addQuotes(quotes, part);
    for (const fence of blocksBeside(text, citation, fences, before, after)) quotes.blocks.push(toBlock(text, fence));
    return quotes;
  });
}

/** The marks of code around a citation are not those of a quote. */
const outerStart = (text: string, { start }: FoundCitation) => (text[start - 1] === "`" ? start - 1 : start);
const outerEnd = (text: string, { end }: FoundCitation) => (text[end] === "`" ? end + 1 : end);

function besides(text: string, citation: FoundCitation, before: number, after: number): [string, string] {
  const [start, end] = [outerStart(text, citation), outerEnd(text, citation)];
  const left = text.slice(Math.max(before, start - REACH, 0), start);
  const right = text.slice(end, Math.max(end, Math.min(after, end + REACH)));
  const leftLine = left.slice(left.lastIndexOf("\n") + 1);
  const feed = right.indexOf("\n");
  const rightLine = feed === -1 ? right : right.slice(0, feed);
  const lastEnd = [...masked(leftLine).matchAll(SENTENCE_END)].at(-1);
  const nextEnd = masked(rightLine).search(SENTENCE_END);
  const isCut = start - before > REACH && leftLine.length === left.length;
  const sentence = lastEnd ? leftLine.slice(lastEnd.index + lastEnd[0].length) : leftLine;
  return [isCut ? evenMarks(sentence) : sentence, nextEnd === -1 ? rightLine : rightLine.slice(0, nextEnd)];
}

/** A text with the same length, in which no sentence ends within a quote. */
const masked = (text: string) => text.replace(IN_LINE, (quote) => `\`${"x".repeat(quote.length - 1)}`);

/** A piece of text that may begin within code begins after it. */
function evenMarks(text: string): string {
  return text.split("`").length % 2 === 1 ? text : text.slice(text.indexOf("`") + 1);
}

function addQuotes({ names, code }: Quotes, text: string): void {
  for (const [, marked, straight, curly] of text.matchAll(IN_LINE)) {
    if (names.length + code.length === MAX_QUOTES) return;
    const quote = squeeze(marked ?? straight ?? curly ?? "");
    const name = quote.replace(/\(\)$/, "");
    if (PATH.test(quote)) continue;
    if (marked !== undefined && IDENTIFIER.test(name)) {
      if (!isCommon(name)) names.push(name);
    } else if (saysMuch(quote)) code.push(quote);
  }
}

/** Whether a piece of code has a word that few lines have. */
const saysMuch = (code: string) =>
  (code.match(/[\p{L}_$][\p{L}\p{N}_$]*|\d{2,}/gu) ?? []).some((word) => !isCommon(word));

/** A block that the citation before introduces is not this one's. */
function blocksBeside(
  text: string,
  { start, end }: FoundCitation,
  fences: readonly Fence[],
  before: number,
  after: number,
): Fence[] {
  const lineStart = text.lastIndexOf("\n", start - 1) + 1;
  const next = fences[firstAfter(fences, end)];
  const last = fences[firstAfter(fences, start) - 1];
  const follows = next && next.start <= after && introduces(text, end, next);
  const isNear =
    last && last.end >= before && lineStart - last.end < 4 && text.slice(last.end, lineStart).trim() === "";
  const precedes = isNear && (before === 0 || !introduces(text, before, last));
  return [...(follows ? [next] : []), ...(precedes ? [last] : [])];
}

/** Whether a block follows the line of a citation that ends at this place. */
function introduces(text: string, end: number, fence: Fence): boolean {
  const feed = text.indexOf("\n", end);
  return feed !== -1 && fence.start - feed < 4 && fence.start > feed && text.slice(feed, fence.start).trim() === "";
}

function firstAfter(fences: readonly Fence[], at: number): number {
  let [low, high] = [0, fences.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((fences[middle]?.start ?? 0) < at) low = middle + 1;
    else high = middle;
  }
  return low;
}

function toBlock(text: string, { from, to }: Fence): Block {
  const all = text
    .slice(from, Math.min(to, from + MAX_QUOTES * MAX_QUOTE_LENGTH))
    .trimEnd()
    .split("\n");
  const lines = all.map((one, line) => ({ line, text: squeeze(one).slice(0, MAX_QUOTE_LENGTH) }));
  return { length: all.length, lines: lines.filter((line) => saysMuch(line.text)).slice(0, MAX_QUOTES) };
}
