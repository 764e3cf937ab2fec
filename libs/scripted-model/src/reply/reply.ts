import type { Quirks, Script } from "../script.ts";

/** Words that are made when they are sent, so that a script of a million tokens costs nothing until it is played. */
export interface Tokens {
  count: number;
  at: (index: number) => string;
}

export interface ReplyCall {
  name: string;
  /** The arguments as they go out; malformed ones too. */
  arguments: string;
}

/** Waits here: for a gate, or, where there is none, until the client goes away. */
export interface Hold {
  type: "hold";
  at: number | "headers";
  gate: string | null;
}

/** Ends the answer early. */
export type Break = { at: number } & (
  | { type: "error_frame"; text: string }
  | { type: "clean_end" }
  | { type: "reset" }
);

/** Something that happens once so many content tokens are out (or before the headers). */
export type Stop = Hold | Break;

/** One answer, decided: all that is left is to send it. */
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
  /** In the order in which they happen. */
  stops: Stop[];
  cutAfterBytes: number | null;
  keepAliveMs: number | null;
  usage: Script["usage"];
  promptTokens: number | null;
  window: { tokens: number; told: boolean } | null;
  quirks: Quirks;
}

export function allOf(tokens: Tokens): string {
  let text = "";
  for (let index = 0; index < tokens.count; index += 1) text += tokens.at(index);
  return text;
}

/** Cuts a text into words that join to the same text. */
export function words(text: string): Tokens {
  const pieces = text.match(/\s*\S+(?:\s+$)?|\s+/g) ?? [];
  return { count: pieces.length, at: (index) => pieces[index] ?? "" };
}
