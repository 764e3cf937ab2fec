import { createThinkSplitter, type Piece } from "./split-think.ts";
import { createLeakGate } from "./text-leaks.ts";
import { createCharacterGate } from "./whole-characters.ts";

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
  const leaks = createLeakGate();
  const said = { text: "", reasoning: "" };

  function give(pieces: Piece[]): Piece[] {
    const given = pieces
      .map((piece) => (piece.type === "text" && watchForLeaks ? { ...piece, text: leaks.push(piece.text) } : piece))
      .filter((piece) => piece.text !== "");
    for (const piece of given) said[piece.type] += piece.text;
    return given;
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
      const held: Piece = { type: "text", text: leaks.end() };
      said.text += held.text;
      return held.text === "" ? rest : [...rest, held];
    },
    content: () => said.text,
    reasoning: () => said.reasoning,
    leaked: () => leaks.leaked(),
    begun: () => said.text !== "" || said.reasoning !== "",
  };
}
