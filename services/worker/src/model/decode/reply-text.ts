import { cleanText } from "@boocode/contracts";
import { createThoughtSplitter, type Piece, type TextPiece } from "./split-thoughts.ts";
import { createTextToolCallFilter } from "./text-tool-call.ts";

export interface ReplyText {
  push(reasoning: string, text: string): Piece[];
  /** Returns what was held back: part of a tag, half a surrogate pair, a possible text tool call. */
  end(): Piece[];
  content(): string;
  reasoning(): string;
  /** The content holds a text tool call; the text after it was not emitted. */
  hasTextToolCall(): boolean;
  /** Something was emitted. */
  hasOutput(): boolean;
}

/** Collects a reply's text in whole characters, and separates inline reasoning and text tool calls from it. */
export function createReplyText(detectTextToolCalls: boolean): ReplyText {
  const textGate = createCharacterGate();
  const reasoningGate = createCharacterGate();
  const think = createThoughtSplitter();
  let textToolCalls = createTextToolCallFilter();
  const given = { text: "", reasoning: "" };

  function give(pieces: Piece[]): Piece[] {
    return pieces.flatMap((piece) => (piece.type === "text_was_reasoning" ? withdraw() : speak(piece)));
  }

  function speak({ type, text }: TextPiece): Piece[] {
    const shown = type === "text" && detectTextToolCalls ? textToolCalls.push(text) : text;
    given[type] += shown;
    return shown === "" ? [] : [{ type, text: shown }];
  }

  /** Moves the text so far to the reasoning, where a tool call marker does not count. */
  function withdraw(): Piece[] {
    const held = textToolCalls.end();
    textToolCalls = createTextToolCallFilter();
    if (given.text === "" && held === "") return [];
    given.reasoning += given.text + held;
    given.text = "";
    return [...(held === "" ? [] : [{ type: "text" as const, text: held }]), { type: "text_was_reasoning" }];
  }

  return {
    push: (reasoning, text) =>
      give([{ type: "reasoning", text: reasoningGate.push(reasoning) }, ...think.push(textGate.push(text))]),
    end() {
      const rest = give([
        { type: "reasoning", text: reasoningGate.end() },
        ...think.push(textGate.end()),
        ...think.end(),
      ]);
      const text = textToolCalls.end();
      given.text += text;
      return text === "" ? rest : [...rest, { type: "text", text }];
    },
    content: () => given.text,
    reasoning: () => given.reasoning,
    hasTextToolCall: () => textToolCalls.found(),
    hasOutput: () => given.text !== "" || given.reasoning !== "",
  };
}

interface CharacterGate {
  push(text: string): string;
  end(): string;
}

/**
 * Holds back half a surrogate pair until the other half arrives: servers escape an emoji as two UTF-16 units, and may split the
 * text between them.
 */
function createCharacterGate(): CharacterGate {
  let half = "";
  return {
    push(text) {
      const all = half + text;
      const last = all.charCodeAt(all.length - 1);
      half = last >= 0xd800 && last <= 0xdbff ? all.slice(-1) : "";
      return cleanText(half === "" ? all : all.slice(0, -1));
    },
    end() {
      const rest = cleanText(half);
      half = "";
      return rest;
    },
  };
}
