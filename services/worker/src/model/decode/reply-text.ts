import { cleanText } from "@boocode/contracts";
import { type CallFilter, createCallFilter, type FilteredEnd } from "./text-calls/call-filter.ts";
import type { Piece, TextPiece } from "./thoughts/piece.ts";
import { createThoughtSplitter } from "./thoughts/split-thoughts.ts";

export interface ReplyText {
  push(reasoning: string, text: string): Piece[];
  /** Emits what was held back (part of a tag, half a surrogate pair). Tool calls in the text are returned and not emitted. */
  end(ending: "whole" | "cut_short" | "broken"): { pieces: Piece[] } & Omit<FilteredEnd, "shown">;
  /** Emits text that was held back as a tool call. */
  release(text: string): Piece[];
  content(): string;
  reasoning(): string;
  /** Something was emitted. */
  hasOutput(): boolean;
}

/**
 * Collects a reply's text in whole characters, and separates inline reasoning and tool calls from it.
 * @param tools the names of the offered tools
 */
export function createReplyText(tools: readonly string[]): ReplyText {
  const textGate = createCharacterGate();
  const reasoningGate = createCharacterGate();
  const think = createThoughtSplitter();
  let calls = createFilter();
  const given = { text: "", reasoning: "" };

  function createFilter(): CallFilter | null {
    return tools.length > 0 ? createCallFilter(tools) : null;
  }

  function give(pieces: Piece[]): Piece[] {
    return pieces.flatMap((piece) => (piece.type === "text_was_reasoning" ? withdraw() : speak(piece)));
  }

  function speak({ type, text }: TextPiece): Piece[] {
    return show(type, type === "text" && calls ? calls.push(text) : text);
  }

  function show(type: TextPiece["type"], text: string): Piece[] {
    given[type] += text;
    return text === "" ? [] : [{ type, text }];
  }

  /** Moves the text so far to the reasoning, where tool calls are ignored. */
  function withdraw(): Piece[] {
    const end = calls?.end("broken");
    calls = createFilter();
    const held = end ? end.shown + end.callText : "";
    if (given.text === "" && held === "") return [];
    given.reasoning += given.text + held;
    given.text = "";
    return [...(held === "" ? [] : [{ type: "text" as const, text: held }]), { type: "text_was_reasoning" }];
  }

  return {
    push(reasoning, text) {
      if (reasoning !== "") think.expectNoTags();
      return give([{ type: "reasoning", text: reasoningGate.push(reasoning) }, ...think.push(textGate.push(text))]);
    },
    end(ending) {
      const pieces = give([
        { type: "reasoning", text: reasoningGate.end() },
        ...think.push(textGate.end()),
        ...think.end(),
      ]);
      const { shown, ...rest } = calls?.end(ending) ?? { shown: "", calls: [], callText: "" };
      return { pieces: [...pieces, ...show("text", shown)], ...rest };
    },
    release: (text) => show("text", text),
    content: () => given.text,
    reasoning: () => given.reasoning,
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
