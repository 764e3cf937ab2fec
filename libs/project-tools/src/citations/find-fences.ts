// PURE

/** A fenced block of code, with its marks. */
export interface Fence {
  start: number;
  end: number;
  /** Where its code begins and ends. */
  from: number;
  to: number;
}

/** A mark at the begin of a line, also in a list or a quotation. */
const OPENING = /[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(`{3,}|~{3,})([^\n]*)/y;
const CLOSING = /[ \t>]*(`{3,}|~{3,})[ \t\r]*(?=\n|$)/y;

/** Finds the fenced blocks of a Markdown text, in order. One that is not closed ends with the text. */
export function findFences(text: string): Fence[] {
  const fences: Fence[] = [];
  let open: { start: number; from: number; mark: string } | null = null;
  for (let at = 0; at < text.length; ) {
    const feed = text.indexOf("\n", at);
    const end = feed === -1 ? text.length : feed;
    const found = matchAt(open ? CLOSING : OPENING, text, at);
    const mark = found?.[1] ?? "";
    if (open) {
      if (mark.startsWith(open.mark)) {
        fences.push({ start: open.start, end, from: open.from, to: at });
        open = null;
      }
    } else if (found && !(mark.startsWith("`") && found[2]?.includes("`"))) {
      // A line with backticks after the mark is code within a line.
      open = { start: at, from: end + 1, mark };
    }
    at = end + 1;
  }
  if (open)
    fences.push({ start: open.start, end: text.length, from: Math.min(open.from, text.length), to: text.length });
  return fences;
}

/** Matches a sticky pattern at a place of a text. */
export function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
