import { CLOSE, createStrayCloseFinder, OPEN, type StrayClose } from "./find-closing-tag.ts";

export interface SpokenPiece {
  type: "text" | "reasoning";
  text: string;
}

/** `text_was_reasoning`: all text that was given out so far was a thought. */
export type Piece = SpokenPiece | { type: "text_was_reasoning" };

export interface ThinkSplitter {
  push(text: string): Piece[];
  end(): Piece[];
}

/**
 * Takes a thought that a server left inline, `<think>…</think>`, out of the content; the tags may be cut anywhere.
 * Only an opening tag at the very beginning counts: later ones are the answer's own words, about a chat template, say. Where it
 * stands in the prompt, the thought passes for text until its closing tag comes.
 */
export function createThinkSplitter(): ThinkSplitter {
  let state: "start" | "thinking" | "gap" | "unsure" | "answer" = "start";
  let held = "";
  const stray = createStrayCloseFinder();

  function push(text: string): Piece[] {
    if (state === "unsure") return judged(stray.push(text));
    held += text;
    const pieces: Piece[] = [];
    if (state === "start") {
      const begin = held.trimStart();
      if (begin.startsWith(OPEN)) {
        state = "thinking";
        held = begin.slice(OPEN.length);
      } else if (!OPEN.startsWith(begin)) {
        state = "unsure";
        return judged(stray.push(take()));
      }
    }
    if (state === "thinking") {
      const close = held.indexOf(CLOSE);
      const safe = close >= 0 ? close : held.length - partOfTag(held);
      give(pieces, "reasoning", held.slice(0, safe));
      if (close >= 0) {
        state = "gap";
        held = held.slice(close + CLOSE.length);
      } else {
        held = held.slice(safe);
      }
    }
    // The blank lines after a thought belong to neither.
    if (state === "gap") {
      held = held.trimStart();
      if (held !== "") state = "answer";
    }
    if (state === "answer") give(pieces, "text", take());
    return pieces;
  }

  function judged({ before, after }: StrayClose): Piece[] {
    const pieces: Piece[] = [];
    give(pieces, "text", before);
    if (after === null) return pieces;
    state = "gap";
    return [...pieces, { type: "text_was_reasoning" }, ...push(after)];
  }

  function take(): string {
    const all = held;
    held = "";
    return all;
  }

  function end(): Piece[] {
    if (state === "unsure") return judged(stray.end());
    const pieces: Piece[] = [];
    if (state !== "gap") give(pieces, state === "thinking" ? "reasoning" : "text", take());
    return pieces;
  }

  return { push, end };
}

function give(pieces: Piece[], type: SpokenPiece["type"], text: string): void {
  if (text !== "") pieces.push({ type, text });
}

/** How many characters at the end may be the beginning of the closing tag. */
function partOfTag(text: string): number {
  for (let length = Math.min(CLOSE.length - 1, text.length); length > 0; length--) {
    if (CLOSE.startsWith(text.slice(-length))) return length;
  }
  return 0;
}
