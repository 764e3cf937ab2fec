import { cleanText } from "@boocode/contracts";
import { createThinkSplitter, type Piece, type SpokenPiece } from "./split-thoughts.ts";
import { createLeakGate } from "./text-tool-call.ts";

export interface Speech {
  say(reasoning: string, text: string): Piece[];
  /** Gives what was held back: half a tag, half a character, text that might have been a leak. */
  end(): Piece[];
  content(): string;
  reasoning(): string;
  /** The content holds a tool call as text; what follows it was not given out. */
  leaked(): boolean;
  /** Something was given out. */
  begun(): boolean;
}

/** What the model says, made of whole characters, with inline thoughts and leaked tool calls set apart. */
export function createSpeech(watchForLeaks: boolean): Speech {
  const textGate = createCharacterGate();
  const reasoningGate = createCharacterGate();
  const think = createThinkSplitter();
  let leaks = createLeakGate();
  const said = { text: "", reasoning: "" };

  function give(pieces: Piece[]): Piece[] {
    return pieces.flatMap((piece) => (piece.type === "text_was_reasoning" ? withdraw() : speak(piece)));
  }

  function speak({ type, text }: SpokenPiece): Piece[] {
    const shown = type === "text" && watchForLeaks ? leaks.push(text) : text;
    said[type] += shown;
    return shown === "" ? [] : [{ type, text: shown }];
  }

  /** What a thought says of tool calls is no leak either. */
  function withdraw(): Piece[] {
    const held = leaks.end();
    leaks = createLeakGate();
    if (said.text === "" && held === "") return [];
    said.reasoning += said.text + held;
    said.text = "";
    return [...(held === "" ? [] : [{ type: "text" as const, text: held }]), { type: "text_was_reasoning" }];
  }

  return {
    say: (reasoning, text) =>
      give([{ type: "reasoning", text: reasoningGate.push(reasoning) }, ...think.push(textGate.push(text))]),
    end() {
      const rest = give([
        { type: "reasoning", text: reasoningGate.end() },
        ...think.push(textGate.end()),
        ...think.end(),
      ]);
      const text = leaks.end();
      said.text += text;
      return text === "" ? rest : [...rest, { type: "text", text }];
    },
    content: () => said.text,
    reasoning: () => said.reasoning,
    leaked: () => leaks.leaked(),
    begun: () => said.text !== "" || said.reasoning !== "",
  };
}

interface CharacterGate {
  push(text: string): string;
  end(): string;
}

/** Holds back half of a surrogate pair until its other half comes: servers escape an emoji as two units and cut between them. */
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
