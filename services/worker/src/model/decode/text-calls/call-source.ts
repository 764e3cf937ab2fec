import { meantTool } from "@boocode/project-tools/meant-tool";
import type { JsonObject } from "../../json-value.ts";

/** A text that may contain tool calls, and the context in which to read them. */
export interface CallSource {
  text: string;
  /** No more text follows. */
  isEnd: boolean;
  /** The model was stopped, for example by its token limit, so that a call without its end is incomplete. */
  cutShort: boolean;
  /** The names of the offered tools. */
  tools: readonly string[];
}

/** `name` or `arguments` is null when it cannot be read. */
export interface TextCall {
  name: string | null;
  arguments: JsonObject | null;
}

/**
 * What a reader finds at an index: calls up to `end`, a call in which the text ends (`open`), or anything else (null). A result
 * other than `open` does not depend on the text that follows.
 */
export type Reading = { calls: TextCall[]; end: number } | "open" | null;

/** Reads the calls that begin at an index. */
export type CallReader = (source: CallSource, at: number) => Reading;

export function isOffered({ tools }: CallSource, name: string | null): boolean {
  return name !== null && meantTool(name, tools) !== null;
}

/** The beginning of a call is recognized within this many characters. */
const HEAD = 160;

/** Whether more text could still turn what begins at an index into a call. */
export function isUndecided({ text, isEnd }: CallSource, at: number): boolean {
  return !isEnd && text.length - at < HEAD;
}

/** Matches a sticky expression at an index; a global one finds its next match from there. */
export function matchAt(expression: RegExp, text: string, at: number): RegExpExecArray | null {
  expression.lastIndex = at;
  return expression.exec(text);
}

/** A tool's name as models write it, with prefixes and an index. */
export const NAME = "[\\w.:/-]{1,80}";

/** Returns the result of the first reader that recognizes anything. */
export function firstReading(readers: readonly CallReader[], source: CallSource, at: number): Reading {
  for (const read of readers) {
    const reading = read(source, at);
    if (reading !== null) return reading;
  }
  return null;
}
