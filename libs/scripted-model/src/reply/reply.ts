import type { Quirks, Script } from "../script.ts";

/** Tokens that are generated when they are sent, so that a script of a million tokens uses no memory. */
export interface Tokens {
  count: number;
  at: (index: number) => string;
}

export interface ReplyCall {
  name: string;
  /** The arguments exactly as they are sent; they may be malformed. */
  arguments: string;
}

/** Waits at a position for a gate; without a gate, until the client disconnects. */
export interface Hold {
  type: "hold";
  at: number | "headers";
  gate: string | null;
}

/** Ends the reply early. */
export type Break = { at: number } & (
  | { type: "error_frame"; text: string }
  | { type: "clean_end" }
  | { type: "reset" }
);

/** An interruption after `at` content tokens, or before the headers. */
export type Stop = Hold | Break;

/** One reply, fully decided; it only has to be sent. */
export interface Reply {
  failure: { status: number; headers: Record<string, string>; body: string } | null;
  headers: Record<string, string>;
  hugeDelta: number;
  reasoning: Tokens;
  text: Tokens;
  calls: ReplyCall[];
  finishReason: string | null;
  intervalMs: number;
  tokensPerDelta: number;
  /** In the order of their positions. */
  stops: Stop[];
  cutAfterBytes: number | null;
  keepAliveMs: number | null;
  usage: Script["usage"];
  promptTokens: number | null;
  window: { tokens: number; reported: boolean } | null;
  quirks: Quirks;
}

export function allOf(tokens: Tokens): string {
  let text = "";
  for (let index = 0; index < tokens.count; index += 1) text += tokens.at(index);
  return text;
}

/** Splits a text into words with their white space, which join to the same text. */
export function words(text: string): Tokens {
  const pieces = text.match(/\s*\S+(?:\s+$)?|\s+/g) ?? [];
  return { count: pieces.length, at: (index) => pieces[index] ?? "" };
}
