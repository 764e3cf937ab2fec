import { CLOSE, type ClosingTagSearch, createClosingTagFinder, OPEN } from "./find-closing-tag.ts";

export interface TextPiece {
  type: "text" | "reasoning";
  text: string;
}

/** `text_was_reasoning`: all text emitted so far was reasoning. */
export type Piece = TextPiece | { type: "text_was_reasoning" };

export interface ThoughtSplitter {
  push(text: string): Piece[];
  end(): Piece[];
}

/**
 * Separates reasoning (`<think>…</think>`) that a server left in the content; a tag may be split anywhere. An opening tag
 * counts only at the very start: a later one belongs to the answer, for example one about chat templates. If the opening tag
 * was in the prompt, the reasoning is emitted as text until its closing tag arrives.
 */
export function createThoughtSplitter(): ThoughtSplitter {
  let state: "start" | "thinking" | "after-thought" | "undecided" | "answer" = "start";
  let held = "";
  const closingTag = createClosingTagFinder();

  function push(text: string): Piece[] {
    if (state === "undecided") return judged(closingTag.push(text));
    held += text;
    const pieces: Piece[] = [];
    if (state === "start") {
      const begin = held.trimStart();
      if (begin.startsWith(OPEN)) {
        state = "thinking";
        held = begin.slice(OPEN.length);
      } else if (!OPEN.startsWith(begin)) {
        state = "undecided";
        return judged(closingTag.push(take()));
      }
    }
    if (state === "thinking") {
      const close = held.indexOf(CLOSE);
      const safe = close >= 0 ? close : held.length - partOfTag(held);
      give(pieces, "reasoning", held.slice(0, safe));
      if (close >= 0) {
        state = "after-thought";
        held = held.slice(close + CLOSE.length);
      } else {
        held = held.slice(safe);
      }
    }
    // Blank lines after the reasoning belong to neither part.
    if (state === "after-thought") {
      held = held.trimStart();
      if (held !== "") state = "answer";
    }
    if (state === "answer") give(pieces, "text", take());
    return pieces;
  }

  function judged({ before, after }: ClosingTagSearch): Piece[] {
    const pieces: Piece[] = [];
    give(pieces, "text", before);
    if (after === null) return pieces;
    state = "after-thought";
    return [...pieces, { type: "text_was_reasoning" }, ...push(after)];
  }

  function take(): string {
    const all = held;
    held = "";
    return all;
  }

  function end(): Piece[] {
    if (state === "undecided") return judged(closingTag.end());
    const pieces: Piece[] = [];
    if (state !== "after-thought") give(pieces, state === "thinking" ? "reasoning" : "text", take());
    return pieces;
  }

  return { push, end };
}

function give(pieces: Piece[], type: TextPiece["type"], text: string): void {
  if (text !== "") pieces.push({ type, text });
}

/** The number of characters at the end of the text that may be the start of the closing tag. */
function partOfTag(text: string): number {
  for (let length = Math.min(CLOSE.length - 1, text.length); length > 0; length--) {
    if (CLOSE.startsWith(text.slice(-length))) return length;
  }
  return 0;
}
