export interface Piece {
  type: "text" | "reasoning";
  text: string;
}

export interface ThinkSplitter {
  push(text: string): Piece[];
  end(): Piece[];
}

const OPEN = "<think>";
const CLOSE = "</think>";

/**
 * Takes a thought that a server left inline, `<think>…</think>`, out of the content; the tags may be cut anywhere.
 * Only a tag at the very beginning counts: later ones are the answer's own words, about a chat template, say.
 */
export function createThinkSplitter(): ThinkSplitter {
  let state: "start" | "thinking" | "gap" | "answer" = "start";
  let held = "";

  function push(text: string): Piece[] {
    if (state === "answer") return text === "" ? [] : [{ type: "text", text }];
    held += text;
    const pieces: Piece[] = [];
    if (state === "start") {
      const begin = held.trimStart();
      if (begin.startsWith(OPEN)) {
        state = "thinking";
        held = begin.slice(OPEN.length);
      } else if (!OPEN.startsWith(begin)) {
        state = "answer";
        give(pieces, "text", held);
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
      if (held !== "") {
        state = "answer";
        give(pieces, "text", held);
      }
    }
    if (state === "answer") held = "";
    return pieces;
  }

  function end(): Piece[] {
    const pieces: Piece[] = [];
    give(pieces, state === "thinking" ? "reasoning" : "text", state === "gap" ? "" : held);
    held = "";
    return pieces;
  }

  return { push, end };
}

function give(pieces: Piece[], type: Piece["type"], text: string): void {
  if (text !== "") pieces.push({ type, text });
}

/** How many characters at the end may be the beginning of the closing tag. */
function partOfTag(text: string): number {
  for (let length = Math.min(CLOSE.length - 1, text.length); length > 0; length--) {
    if (CLOSE.startsWith(text.slice(-length))) return length;
  }
  return 0;
}
