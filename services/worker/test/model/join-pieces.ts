import type { Piece } from "../../src/model/decode/thoughts/piece.ts";

/** The text and reasoning of a reply after all its pieces have been shown one by one. */
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
