import { isComment } from "./definition.ts";
import type { View } from "./tool-output.ts";

export interface Snippet {
  start: number;
  end: number;
  text: string;
}

const MAX_LINES = 16;
const MAX_COMMENT_LINES = 8;
const MAX_WIDTH = 240;
/** The first half of a surrogate pair at the end of a cut text. */
const HALF = /[\uD800-\uDBFF]$/;

/** Quotes a definition with its comment and as much of its body as fits; for any other line, the line with its neighbours. */
export function snippetAt(view: View, line: number, isDefinition: boolean): Snippet | null {
  const at = (number: number) => view.lines.get(number);
  if (at(line) === undefined) return null;
  let start = line;
  let end = line;
  if (isDefinition) {
    while (start > line - MAX_COMMENT_LINES && isComment(at(start - 1) ?? "")) start -= 1;
    end = endOfBlock(view, line, start + MAX_LINES - 1);
  } else {
    while (start > line - 2 && at(start - 1) !== undefined) start -= 1;
    while (end < line + 5 && at(end + 1) !== undefined) end += 1;
  }
  while (end > line && at(end)?.trim() === "") end -= 1;
  while (start < line && at(start)?.trim() === "") start += 1;
  const numbers = Array.from({ length: end - start + 1 }, (_, index) => start + index);
  return { start, end, text: numbers.map((number) => shorten(at(number) ?? "")).join("\n") };
}

/** The first sentence of the comment above a definition. */
export function commentAbove(view: View, line: number): string | null {
  const comment: string[] = [];
  for (let above = line - 1; above > line - 20 && isComment(view.lines.get(above) ?? ""); above -= 1) {
    comment.unshift(
      (view.lines.get(above) ?? "").replace(/^\s*(?:\/\*\*?|\*\/|\*|\/\/+|#+|--)\s?/, "").replace(/\*\/\s*$/, ""),
    );
  }
  const text = comment.join(" ").split(/\s@\w/)[0]!.replace(/\s+/g, " ").trim();
  const sentence = /^.+?[.:!?](?=\s|$)/.exec(text)?.[0] ?? text;
  return sentence.length < 4 ? null : sentence.slice(0, 200);
}

function endOfBlock(view: View, line: number, last: number): number {
  const indent = indentOf(view.lines.get(line) ?? "");
  let end = line;
  while (end < last) {
    const next = view.lines.get(end + 1);
    if (next === undefined) break;
    if (next.trim() !== "" && indentOf(next) <= indent) return /^\s*(?:[})\]]|end\b)/.test(next) ? end + 1 : end;
    end += 1;
  }
  return end;
}

function indentOf(text: string): number {
  return /^\s*/.exec(text)![0].length;
}

function shorten(text: string): string {
  return text.length > MAX_WIDTH ? `${text.slice(0, MAX_WIDTH).replace(HALF, "")} …` : text;
}
