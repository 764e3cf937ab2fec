import type { Piece } from "../../src/model/decode/split-thoughts.ts";

/** What the pieces of an answer come to for someone who was shown them one by one. */
export function joinPieces(pieces: Piece[]): { text: string; reasoning: string } {
  const said = { text: "", reasoning: "" };
  for (const piece of pieces) {
    if (piece.type === "text_was_reasoning") {
      said.reasoning += said.text;
      said.text = "";
    } else said[piece.type] += piece.text;
  }
  return said;
}
