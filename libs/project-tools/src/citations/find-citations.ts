// PURE
import { findFences, matchAt } from "./find-fences.ts";

interface WrittenPath {
  start: number;
  path: string;
}

/** What looks like a citation; `resolveCitations` decides whether it is one. */
export interface Candidate {
  /** In UTF-16 code units of the text. */
  start: number;
  end: number;
  /** As written. */
  path: string;
  /** The path with what stands before it in the same code, link or word: perhaps all of it is the path. */
  whole: WrittenPath | null;
  /** Whether only `whole` can be meant, because the lines stand behind the code that it is. */
  isWhole: boolean;
  /** The path without the words before it, in a language that needs no blank between them. */
  rest: WrittenPath | null;
  first: number;
  last: number;
}

/** More are not looked for: such a text is not checked. */
const MAX_CANDIDATES = 5_000;
/** A longer text is not looked at, because it would block the event loop for too long. */
export const MAX_TEXT_LENGTH = 1_000_000;
const MAX_PATH_LENGTH = 1_024;
/** How far the text of a link, or the whole of a path, may begin before the run. */
const MAX_LOOK_BACK = 300;

/** A letter of a script that is written without blanks, or with endings after what is cited. */
const UNSPACED =
  String.raw`(?=\p{L})[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}` +
  String.raw`\p{scx=Thai}\p{scx=Lao}\p{scx=Khmer}\p{scx=Myanmar}]`;
const WORDS_BEFORE = new RegExp(String.raw`^(?:${UNSPACED}\p{M}*)+(?=[A-Za-z0-9_@/]|\.{1,2}\/)`, "u");
const NUMBER = String.raw`(\d{1,9})`;
/** A number is not part of a longer word, of a version, of an address or of a path. */
const AFTER = String.raw`(?!(?!${UNSPACED})[\p{L}\p{N}_]|[.:–/-]\d|\/)`;
/** The longest run of characters that a path can have outside code; the brackets are also those around it. */
const RUN = /[\p{L}\p{M}\p{N}_.@+~$%=()[\]/-]+/gu;
/** `:12`, `:12-20`, `:12:5` */
const COLON = new RegExp(String.raw`:[Ll]?${NUMBER}(?:[-–][Ll]?${NUMBER}|:\d{1,9})?${AFTER}`, "uy");
/** `#L12`, `#L12-L20` */
const HASH = new RegExp(
  String.raw`#[Ll]${NUMBER}(?:[Cc]\d{1,9})?(?:[-–][Ll]?${NUMBER}(?:[Cc]\d{1,9})?)?${AFTER}`,
  "uy",
);
/** The path's closing mark, and then ` (lines 12–20)`, `, line 12` */
const WORDS = new RegExp(
  String.raw`(\x60?)\*{0,2}[,:]? {0,2}(\(?)(?:at |on )?(?:lines?|[Ll](?=\d)) ?${NUMBER}(?: ?(?:[-–]|to) ?[Ll]?${NUMBER})?${AFTER}`,
  "iuy",
);
const HIDDEN = /\p{Cf}/u;
const URL_END = /[\s\x60"<>)]/g;

/**
 * Finds citations of lines in a Markdown text, in order and without overlaps: `path:12`, `path:12-20`, `path:12:5`,
 * `path#L12-L20`, "`path` (lines 12–20)", and links to these. Not in fenced blocks and URLs. The time is linear in the length of the
 * text.
 * @returns null when the text is longer than `MAX_TEXT_LENGTH`, or there are more than `MAX_CANDIDATES`
 */
export function findCitations(text: string): Candidate[] | null {
  if (text.length > MAX_TEXT_LENGTH) return null;
  const found: Candidate[] = [];
  const fences = findFences(text);
  let fence = 0;
  RUN.lastIndex = 0;
  for (let run = RUN.exec(text); run !== null; run = RUN.exec(text)) {
    const start = run.index;
    const end = start + run[0].length;
    while ((fences[fence]?.end ?? Infinity) <= start) fence += 1;
    const block = fences[fence];
    if (block && block.start < end) {
      RUN.lastIndex = block.end;
      continue;
    }
    if (text[start - 1] === ":" && run[0].startsWith("//")) {
      RUN.lastIndex = endOfUrl(text, end);
      continue;
    }
    const candidate = readCandidate(text, start, run[0]);
    if (candidate === null) continue;
    RUN.lastIndex = candidate.end;
    // The text of a link can look like a citation, too.
    while ((found.at(-1)?.start ?? -1) >= candidate.start) found.pop();
    found.push(candidate);
    if (found.length > MAX_CANDIDATES) return null;
  }
  return found;
}

function endOfUrl(text: string, from: number): number {
  URL_END.lastIndex = from;
  return URL_END.exec(text)?.index ?? text.length;
}

function readCandidate(text: string, runStart: number, run: string): Candidate | null {
  const end = runStart + run.length;
  const next = text[end];
  if (next !== ":" && next !== "#" && next !== "`" && next !== "*" && next !== " " && next !== ",") return null;
  const link = run.lastIndexOf("](");
  const from = link === -1 ? afterOpenBracket(run) : link + 2;
  const path = run.slice(from);
  const start = runStart + from;
  const isCode = text[start - 1] === "`";
  // Characters that are not seen, or that turn the text around, would hide what the path is.
  if (HIDDEN.test(text[runStart - 1] ?? "")) return null;
  if (!isCode && !/[./]|file$/.test(path)) return null;
  // "`path`:12" has its lines after the closing mark.
  const closing = next === "`" ? 1 : 0;
  const lines = matchAt(COLON, text, end + closing) ?? matchAt(HASH, text, end);
  const words = lines === null ? matchAt(WORDS, text, end) : null;
  if (lines === null && (words === null || (isCode && closing === 0))) return null;
  // The number before is the port of an address without a scheme.
  if (path === "" || path.length > MAX_PATH_LENGTH || (text[start - 1] === ":" && /^\d+\//.test(path))) return null;
  const isWhole = closing === 1 && !isCode;
  const [before = ""] = (link === -1 && WORDS_BEFORE.exec(path)) || [];
  const rest = before === "" ? null : { start: start + before.length, path: path.slice(before.length) };
  const candidate = { start: start - (isCode ? closing : 0), path, whole: null, isWhole, rest: isCode ? null : rest };
  if (lines === null) {
    const [match = "", , bracket, first, last] = words ?? [];
    const closed = bracket === "(" && text[end + match.length] === ")" ? 1 : 0;
    const whole = isWhole ? wholePath(text, start, path, "`") : null;
    return { ...candidate, end: end + match.length + closed, ...range(first, last), whole };
  }
  const [match, first, last] = lines;
  const cited = { ...candidate, end: end + closing + match.length, ...range(first, last) };
  if (link !== -1) return { ...cited, ...aroundLink(text, runStart + link, cited) };
  // A mark before the path can be the one that ends other code.
  if (isCode) return closing === 1 || text[cited.end] === "`" ? cited : { ...cited, rest };
  return { ...cited, whole: wholePath(text, start, path, isWhole ? "`" : text[cited.end]) };
}

function range(first: string | undefined, last: string | undefined): { first: number; last: number } {
  return { first: Number(first), last: Number(last ?? first) };
}

/** Where the rest of a run begins that has no bracket without its partner: the others stand around the path. */
function afterOpenBracket(run: string): number {
  const open: number[] = [];
  let from = 0;
  for (let at = 0; at < run.length; at++) {
    const unit = run[at];
    if (unit === "(" || unit === "[") open.push(at);
    else if (unit === ")" || unit === "]") {
      if (open.length === 0) from = at + 1;
      else open.pop();
    }
  }
  return Math.max(from, (open.at(-1) ?? -1) + 1);
}

/** The whole link around its target: `[text](target)`. */
function aroundLink(
  text: string,
  middle: number,
  { start, end }: Pick<Candidate, "start" | "end">,
): { start: number; end: number } {
  const before = text.slice(Math.max(0, middle - MAX_LOOK_BACK), middle);
  const line = before.slice(before.lastIndexOf("\n") + 1);
  const open = line.lastIndexOf("[");
  return { start: open === -1 ? start : middle - line.length + open, end: text[end] === ")" ? end + 1 : end };
}

/** @param mark after the path, or after the citation: what ends the code or the link */
function wholePath(text: string, start: number, path: string, mark: string | undefined): WrittenPath | null {
  const before = text.slice(Math.max(0, start - MAX_LOOK_BACK), start);
  const line = before.slice(before.lastIndexOf("\n") + 1);
  const isAfterBlank = line.endsWith(" ");
  const opening = mark === "`" ? "`" : mark === ">" ? "<" : mark === ")" && isAfterBlank ? "(" : null;
  const from = opening === null ? line.search(/[^\s`"(<]*$/) : line.lastIndexOf(opening) + 1;
  if (from === line.length || (opening !== null && from === 0)) return null;
  return { start: start - (line.length - from), path: line.slice(from) + path };
}
