import type { Piece, ThoughtSplitter } from "./piece.ts";

/** How a reply begins when the server left gpt-oss's message format in the text. */
export const HARMONY_BEGIN = ["<|channel|>", "<|start|>assistant"];

const MESSAGE = "<|message|>";
const ENDS = ["<|end|>", "<|return|>", "<|call|>"];
/** Models sometimes begin the next message without ending one. */
const NEXT = ["<|start|>assistant", "<|channel|>"];
const LONGEST_HEADER = 200;

/**
 * Separates the channels of gpt-oss's message format: `analysis` is reasoning; `final` and `commentary` are text. A message to a
 * tool is passed on unchanged, as text on a line of its own, so that the call filter finds it.
 */
export function createHarmonySplitter(): ThoughtSplitter {
  let held = "";
  let part: "header" | "reasoning" | "text" | "call" | "raw" = "header";
  let said = "";

  function push(text: string): Piece[] {
    held += text;
    const pieces: Piece[] = [];
    while (part === "header" ? readHeader(pieces) : readBody(pieces)) {}
    return pieces;
  }

  function readHeader(pieces: Piece[]): boolean {
    held = held.trimStart();
    const at = held.indexOf(MESSAGE);
    if (at === -1 || at > LONGEST_HEADER) {
      if (held.length <= LONGEST_HEADER + MESSAGE.length) return false;
      part = "raw";
      return true;
    }
    const header = held.slice(0, at);
    part = /\bto=/.test(header) ? "call" : /analysis/.test(header) ? "reasoning" : "text";
    if (part !== "reasoning" && said !== "" && !said.endsWith("\n")) give(pieces, "\n");
    if (part === "call") give(pieces, header + MESSAGE);
    held = held.slice(at + MESSAGE.length);
    return true;
  }

  function readBody(pieces: Piece[]): boolean {
    if (part === "raw") {
      give(pieces, held);
      held = "";
      return false;
    }
    const begins = part === "reasoning" ? NEXT : NEXT.slice(0, 1);
    const found = [...ENDS, ...begins]
      .map((token) => ({ token, at: held.indexOf(token) }))
      .filter(({ at }) => at !== -1);
    const next = found.sort((a, b) => a.at - b.at)[0];
    if (!next) {
      const safe = held.length - partOfToken(held);
      give(pieces, held.slice(0, safe));
      held = held.slice(safe);
      return false;
    }
    const behind = next.at + (ENDS.includes(next.token) ? next.token.length : 0);
    give(pieces, held.slice(0, part === "call" ? behind : next.at));
    held = held.slice(behind);
    part = "header";
    return true;
  }

  function give(pieces: Piece[], text: string): void {
    if (text === "") return;
    if (part !== "reasoning") said = text;
    pieces.push({ type: part === "reasoning" ? "reasoning" : "text", text });
  }

  return {
    push,
    end() {
      const pieces: Piece[] = [];
      if (part === "header" && held.trim() !== "<|start|>assistant") part = "raw";
      if (part !== "header") give(pieces, held);
      held = "";
      return pieces;
    },
  };
}

/** Returns how many characters at the end of the text may be the start of a token. */
function partOfToken(text: string): number {
  const tokens = [...ENDS, ...NEXT];
  const longest = Math.max(...tokens.map(({ length }) => length)) - 1;
  for (let length = Math.min(longest, text.length); length > 0; length--) {
    if (tokens.some((token) => token.startsWith(text.slice(-length)))) return length;
  }
  return 0;
}
