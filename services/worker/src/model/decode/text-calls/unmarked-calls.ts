import { type CallReader, firstReading, matchAt, type TextCall } from "./call-source.ts";
import { readFunctionCalls } from "./function-calls.ts";
import { readBareJsonCalls } from "./json-calls.ts";

const BLANK = /[\s,;]*/y;
/** A fence around calls that are the whole reply. */
const FENCE = /(?:```|~~~)[\w-]{0,20}[ \t]{0,20}\r?\n?\s{0,20}/y;
const FENCE_OPEN = /^(?:`{1,2}|~{1,2}|(?:```|~~~)[\w-]{0,20}[ \t]{0,20}\r?\n?\s{0,20})$/;
const FENCE_CLOSE = /[\s,;]{0,50}(?:```|~~~)/y;

/** Reads calls without markers, which count only as a whole reply: JSON and function calls, bare or in a fence. */
export const readUnmarked: CallReader = (source, at) => {
  const { text, isEnd } = source;
  const fence = matchAt(FENCE, text, at);
  if (!fence) {
    if (FENCE_OPEN.test(text.slice(at, at + 60))) return isEnd ? null : "open";
    return firstReading([readBareJsonCalls, readWholeFunctionCalls], source, at);
  }
  const calls: TextCall[] = [];
  for (let place = at + fence[0].length; ; ) {
    if (place === text.length && calls.length === 0) return isEnd ? null : "open";
    const closed = matchAt(FENCE_CLOSE, text, place);
    if (closed && calls.length > 0) return { calls, end: place + closed[0].length };
    const from = place + (calls.length > 0 ? (matchAt(BLANK, text, place)?.[0].length ?? 0) : 0);
    if (calls.length > 0 && /^(?:`{0,2}|~{0,2})$/.test(text.slice(from, from + 3)))
      return isEnd ? { calls, end: text.length } : "open";
    const reading = firstReading([readBareJsonCalls, readWholeFunctionCalls], source, from);
    if (reading === null || reading === "open") return reading;
    calls.push(...reading.calls);
    place = reading.end;
  }
};

const PREFIXES = ["functions.", "functions:", "default_api.", "default_api:", "tools.", "tool."];

/** Function calls without a marker: with a prefix, with an object as their argument, in a list, or printed as by Gemini. */
const readWholeFunctionCalls: CallReader = (source, at) => {
  const begins = functionAt(source.text, at, source.tools);
  if (begins === "yes") return readFunctionCalls(source, at);
  return begins === "maybe" && !source.isEnd ? "open" : null;
};

function functionAt(text: string, at: number, tools: readonly string[]): "yes" | "maybe" | "no" {
  const said = text.slice(at, at + 100);
  const starts = [
    ...PREFIXES.flatMap((prefix) => [prefix, `[${prefix}`, `print(${prefix}`]),
    ...tools.flatMap((tool) => [`${tool}({`, `[${tool}(`, `print(${tool}(`]),
  ];
  if (starts.some((start) => said.startsWith(start))) return "yes";
  return starts.some((start) => start.startsWith(said)) ? "maybe" : "no";
}

/** Whether a reply that begins at an index may consist of calls without markers. */
export function mayBeginReply(text: string, at: number, tools: readonly string[]): boolean {
  return "{[`~".includes(text[at] as string) || functionAt(text, at, tools) !== "no";
}
