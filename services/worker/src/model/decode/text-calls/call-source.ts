import { meantTool } from "../../../turn/meant-tool.ts";
import type { JsonObject } from "../../json-value.ts";

/** A text that may hold tool calls, and what is needed to read them. */
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
 * What stands at a place of a text: calls up to `end`; the text ends inside a call (`open`); or anything else (null). A verdict
 * other than `open` is the same whatever text follows.
 */
export type Reading = { calls: TextCall[]; end: number } | "open" | null;

/** Reads the calls that begin at a place. */
export type CallReader = (source: CallSource, at: number) => Reading;

export function isOffered({ tools }: CallSource, name: string | null): boolean {
  return name !== null && meantTool(name, tools) !== null;
}

/** The most characters by which the beginning of a call is recognized. */
const HEAD = 160;

/** Whether more text could still turn what stands at a place into a call. */
export function isUndecided({ text, isEnd }: CallSource, at: number): boolean {
  return !isEnd && text.length - at < HEAD;
}

/** Matches a sticky expression at a place; a global one finds its next match from there. */
export function matchAt(expression: RegExp, text: string, at: number): RegExpExecArray | null {
  expression.lastIndex = at;
  return expression.exec(text);
}

/** A tool's name as models write it, with prefixes and an index. */
export const NAME = "[\\w.:/-]{1,80}";

/** What the first reader finds that finds anything. */
export function firstReading(readers: readonly CallReader[], source: CallSource, at: number): Reading {
  for (const read of readers) {
    const reading = read(source, at);
    if (reading !== null) return reading;
  }
  return null;
}
