import { meantTool } from "../../../turn/meant-tool.ts";
import type { JsonObject } from "../../json-value.ts";
import {
  type CallReader,
  type CallSource,
  isOffered,
  isUndecided,
  matchAt,
  type Reading,
  type TextCall,
} from "./call-source.ts";
import { readFunctionCalls } from "./function-calls.ts";
import { readBareHeadedCalls, readHeadedCalls } from "./headed-calls.ts";
import { brokenCall, readBareJsonCalls, readJsonCalls } from "./json-calls.ts";
import { readGlmCalls, readTaggedCalls } from "./tagged-calls.ts";

/** The markers between which calls stand, and what may stand between them. */
interface Wrapper {
  open: RegExp;
  close: RegExp;
  /** Finds the next closing marker. */
  nextClose: RegExp;
  items: readonly CallReader[];
}

const IN_TAGS = [readJsonCalls, readTaggedCalls, readHeadedCalls, readFunctionCalls, readGlmCalls];
const NEVER = "(?!)";
const wrapper = (open: string, close: string, items: readonly CallReader[] = IN_TAGS): Wrapper => ({
  open: new RegExp(open, "y"),
  close: new RegExp(close, "y"),
  nextClose: new RegExp(close, "g"),
  items,
});

const DEEPSEEK_CALLS = "tool(?:▁|_|\\\\_| )calls(?:▁|_|\\\\_| )";
const WRAPPERS: readonly Wrapper[] = [
  // Hermes, Qwen, GLM, Granite, Jamba, Anthropic, MiniMax, Seed-OSS, Nemotron, LongCat, DeepSeek V3.2.
  wrapper(
    "<(?:\\w{1,20}:|[|｜]DSML[|｜])?(?:longcat_)?(?:tool_calls?|function_calls?|TOOLCALL)>",
    "</(?:\\w{1,20}:|[|｜]DSML[|｜])?(?:longcat_)?(?:tool_calls?|function_calls?|TOOLCALL)>",
  ),
  // Granite 3, Phi-4-mini, LFM2.
  wrapper("<\\|tool_call(?:_start)?\\|>", "<\\|/tool_call\\|>|<\\|tool_call_end\\|>"),
  wrapper("<\\|tool_calls_section_begin\\|>", "<\\|tool_calls_section_end\\|>"),
  wrapper(`<[|｜]${DEEPSEEK_CALLS}begin[|｜]>`, `<[|｜]${DEEPSEEK_CALLS}end[|｜]>`),
  // Command R, InternLM.
  wrapper("<\\|START_ACTION\\|>", "<\\|END_ACTION\\|>"),
  wrapper("<\\|action_start\\|>\\s?<\\|plugin\\|>", "<\\|action_end\\|>"),
  // Llama.
  wrapper("<\\|python_(?:tag|start)\\|>", "<\\|python_end\\|>", [readJsonCalls, readFunctionCalls]),
  // Mistral.
  wrapper("\\[TOOL_CALLS\\]", "\\[/TOOL_CALLS\\]", [readJsonCalls, readHeadedCalls, readBareHeadedCalls]),
  // Firefunction.
  wrapper("functools(?=\\[)", NEVER, [readJsonCalls]),
];

const BLANK = /[\s,;]*/y;
/** What may stand between calls and behind them: blanks, closing tags without an opening one, and tokens that end a message. */
const BETWEEN = new RegExp(
  "(?:[\\s,;]|</(?:\\w{1,20}:)?(?:tool_calls?|function_calls?|function|invoke)>|<(?:tool_call|function_calls)>(?=\\s*$)|\\[/TOOL_CALLS\\]" +
    "|</s>|<\\|(?:im_end|eot_id|eom_id|endoftext|end_of_text|end|call|return|eot)\\|>|<｜end▁of▁sentence｜>)*",
  "y",
);
const CLOSING_BRACKETS = /[\s}\]]*/y;
const PARTIAL_CLOSE = /<[^<>\s]{0,40}$/y;

function readWrapped(source: CallSource, at: number): Reading {
  const { text, isEnd } = source;
  for (const { open, close, nextClose, items } of WRAPPERS) {
    const opened = matchAt(open, text, at);
    if (!opened) continue;
    const calls: TextCall[] = [];
    for (let place = at + opened[0].length; ; ) {
      place += matchAt(BLANK, text, place)?.[0].length ?? 0;
      if (calls.length > 0) place = behindSpareBrackets(text, place, close);
      const closed = matchAt(close, text, place);
      if (closed) return calls.length > 0 ? { calls, end: place + closed[0].length } : null;
      if (place === text.length) return !isEnd ? "open" : calls.length > 0 ? { calls, end: place } : null;
      const reading = firstReading(items, source, place);
      if (reading === "open" && !isEnd) return "open";
      if (reading === "open" || (reading === null && calls.some((call) => call.arguments === null))) {
        const next = matchAt(nextClose, text, place);
        if (!next && !isEnd) return "open";
        const end = next ? next.index + next[0].length : text.length;
        return { calls: [...calls, brokenCall(text.slice(place, end))], end };
      }
      if (reading === null) {
        if (isUndecided(source, place)) return "open";
        if (calls.length === 0) return null;
        return { calls, end: isEnd && matchAt(PARTIAL_CLOSE, text, place) ? text.length : place };
      }
      calls.push(...reading.calls);
      place = reading.end;
    }
  }
  return null;
}

/** Models also write a closing bracket too many. */
function behindSpareBrackets(text: string, at: number, close: RegExp): number {
  const place = at + (matchAt(CLOSING_BRACKETS, text, at)?.[0].length ?? 0);
  return place === text.length || matchAt(close, text, place) ? place : at;
}

function firstReading(readers: readonly CallReader[], source: CallSource, at: number): Reading {
  for (const read of readers) {
    const reading = read(source, at);
    if (reading !== null) return reading;
  }
  return null;
}

/** A fence around calls that are the whole reply. */
const FENCE = /```[\w-]{0,20}[ \t]{0,20}\r?\n?\s{0,20}/y;
const FENCE_OPEN = /^(?:`{1,2}|```[\w-]{0,20}[ \t]{0,20}\r?\n?\s{0,20})$/;
const FENCE_CLOSE = /[\s,;]{0,50}```/y;

const readUnmarked: CallReader = (source, at) => {
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
    if (calls.length > 0 && /^`{0,2}$/.test(text.slice(from, from + 3)))
      return isEnd ? { calls, end: text.length } : "open";
    const reading = firstReading([readBareJsonCalls, readWholeFunctionCalls], source, from);
    if (reading === null || reading === "open") return reading;
    calls.push(...reading.calls);
    place = reading.end;
  }
};

const FUNCTION_BEGIN =
  /(?:print\()?(?:functions|default_api|tools?)[.:]|[A-Za-z_][\w-]{0,60}\(\{|\[[A-Za-z_][\w.]{0,60}\(/y;

/** Function calls without a marker: with a prefix, with an object as their argument, or in a list. */
const readWholeFunctionCalls: CallReader = (source, at) => {
  const begin = source.text.slice(at, at + 100);
  if (!matchAt(FUNCTION_BEGIN, source.text, at))
    return !source.isEnd && mayBecomeFunction(source, begin) ? "open" : null;
  return readFunctionCalls(source, at);
};

function mayBecomeFunction({ tools }: CallSource, begin: string): boolean {
  const starts = ["functions.", "functions:", "default_api.", "default_api:", "tools.", "tool."];
  const bare = begin.replace(/^(?:\[|print\()/, "");
  return ["print(", ...starts, ...tools.map((tool) => `${tool}({`)].some((start) => start.startsWith(bare));
}

/** Whether a reply that begins at a place may be calls without markers. */
export function mayBeginReply(text: string, at: number, tools: readonly string[]): boolean {
  const source = { text, isEnd: false, cutShort: false, tools };
  return (
    "{[`".includes(text[at] as string) ||
    matchAt(FUNCTION_BEGIN, text, at) !== null ||
    mayBecomeFunction(source, text.slice(at, at + 100))
  );
}

/** How the calls of various models begin. With every offered tool's name: Mistral's, without its first token. */
const MARKERS = [
  "<tool_call",
  "<function=",
  "<function ",
  "<function_call",
  "<invoke",
  "<minimax:tool_call>",
  "<seed:tool_call>",
  "<longcat_tool_call>",
  "<TOOLCALL>",
  "<｜DSML｜",
  "<|DSML|",
  "<|tool",
  "<｜tool",
  "<|python_",
  "<|channel|>",
  "<|start|>",
  "<|START_ACTION|>",
  "<|action_start|>",
  "[TOOL_CALLS]",
  "functools[",
];

/** Whether a marker stands at a place of the text. `maybe`: the text ends inside it. */
export function markerAt(text: string, at: number, tools: readonly string[]): "yes" | "maybe" | "no" {
  let verdict: "maybe" | "no" = "no";
  const said = text.slice(at, at + 90);
  for (const marker of [...MARKERS, ...tools.map((tool) => `${tool}[ARGS]`)]) {
    if (said.startsWith(marker)) return "yes";
    if (marker.startsWith(said)) verdict = "maybe";
  }
  return verdict;
}

/** What a text is that may begin with tool calls. */
export type Verdict =
  | { kind: "calls"; calls: { name: string; arguments: JsonObject }[] }
  /** It begins as a call and cannot be parsed. */
  | { kind: "broken" }
  /** More text must decide. */
  | { kind: "open" }
  /** It is text, at least up to `end`. */
  | { kind: "text"; end: number };

/**
 * Judges a text whose first characters may be a tool call. It is one if nothing but calls follows to its end, and one of them is
 * for an offered tool.
 *
 * @param isReplyStart the text is a whole reply, so calls without markers count
 */
export function judgeCalls(source: CallSource, isReplyStart: boolean): Verdict {
  const { text, isEnd, tools } = source;
  const readers = isReplyStart
    ? [readWrapped, readTaggedCalls, readHeadedCalls, readUnmarked]
    : [readWrapped, readTaggedCalls, readHeadedCalls];
  const calls: TextCall[] = [];
  for (let place = 0; ; ) {
    place += matchAt(BETWEEN, text, place)?.[0].length ?? 0;
    if (place === text.length) break;
    const reading = firstReading(readers, source, place);
    if (reading === "open") return { kind: isEnd ? "broken" : "open" };
    if (reading === null) {
      const isMarked = place > 0 || markerAt(text, 0, tools) !== "no";
      if (isMarked && isUndecided(source, place)) return { kind: "open" };
      return { kind: "text", end: Math.max(1, place) };
    }
    calls.push(...reading.calls);
    place = reading.end;
  }
  if (!isEnd) return { kind: "open" };
  const offered = calls.filter(({ name }) => isOffered(source, name));
  if (calls.some((call) => call.arguments === null && (call.name === null || offered.includes(call))))
    return { kind: "broken" };
  if (offered.length === 0) return { kind: "text", end: text.length };
  return {
    kind: "calls",
    calls: calls.map(({ name, arguments: args }) => ({
      name: meantTool(name ?? "", tools) ?? name ?? "",
      arguments: args ?? {},
    })),
  };
}
