export interface TextPiece {
  type: "text" | "reasoning";
  text: string;
}

/** A part of a reply's text. `text_was_reasoning`: all text emitted so far was reasoning. */
export type Piece = TextPiece | { type: "text_was_reasoning" };

/** Separates reasoning from text that arrives in pieces. */
export interface ThoughtSplitter {
  push(text: string): Piece[];
  end(): Piece[];
}
