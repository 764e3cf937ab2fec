import {
  type CallReader,
  type CallSource,
  firstReading,
  isOffered,
  isUndecided,
  matchAt,
  NAME,
  type Reading,
  type TextCall,
} from "./call-source.ts";
import { readFunctionCalls } from "./function-calls.ts";
import { readGemmaCalls } from "./gemma-calls.ts";
import { readBareHeadedCalls, readHeadedCalls } from "./headed-calls.ts";
import { brokenCall, readJsonCalls } from "./json-calls.ts";
import { readGlmCalls, readTaggedCalls } from "./tagged-calls.ts";

/** A pair of markers around calls, and the readers for what may stand between them. */
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
    "<(?:\\w{1,20}:|[|｜]DSML[|｜])?(?:longcat_)?(?:tool_(?:calls?|code|use)|function_calls?|TOOLCALL)>",
    "</(?:\\w{1,20}:|[|｜]DSML[|｜])?(?:longcat_)?(?:tool_(?:calls?|code|use)|function_calls?|TOOLCALL)>",
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
  // Gemma 4, FunctionGemma.
  wrapper("<\\|tool_call>", "<tool_call\\|>", [readGemmaCalls]),
  wrapper("<start_function_call>", "<end_function_call>", [readGemmaCalls]),
  // Mistral.
  wrapper("\\[TOOL_CALLS\\]", "\\[/TOOL_CALLS\\]", [readJsonCalls, readHeadedCalls, readBareHeadedCalls]),
  // LM Studio, for models without a format of their own.
  wrapper("\\[TOOL_REQUEST\\]", "\\[END_TOOL_REQUEST\\]", [readJsonCalls]),
  // Firefunction.
  wrapper("functools(?=\\[)", NEVER, [readJsonCalls]),
];

const BLANK = /[\s,;]*/y;
const CLOSING_BRACKETS = /[\s}\]]*/y;
const PARTIAL_CLOSE = /<[^<>\s]{0,40}$/y;

/** Reads calls between markers. The closing marker may be missing. */
export const readWrapped: CallReader = (source, at) => {
  const { text, isEnd } = source;
  for (const { open, close, nextClose, items } of WRAPPERS) {
    const opened = matchAt(open, text, at);
    if (!opened) continue;
    const calls: TextCall[] = [];
    for (let place = at + opened[0].length; ; ) {
      place += matchAt(BLANK, text, place)?.[0].length ?? 0;
      if (calls.length > 0) place = afterSpareBrackets(text, place, close);
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
        if (calls.length === 0) return readNamed(source, place, nextClose);
        return { calls, end: isEnd && matchAt(PARTIAL_CLOSE, text, place) ? text.length : place };
      }
      calls.push(...reading.calls);
      place = reading.end;
    }
  }
  return null;
};

/** Skips surplus closing brackets, which models sometimes write. */
function afterSpareBrackets(text: string, at: number, close: RegExp): number {
  const place = at + (matchAt(CLOSING_BRACKETS, text, at)?.[0].length ?? 0);
  return place === text.length || matchAt(close, text, place) ? place : at;
}

const NAMED = new RegExp(NAME, "y");

/** Text that begins with an offered tool's name is an unparsable call; any other text is about the markers. */
function readNamed(source: CallSource, at: number, nextClose: RegExp): Reading {
  const name = matchAt(NAMED, source.text, at)?.[0] ?? "";
  if (!isOffered(source, name)) return null;
  const next = matchAt(nextClose, source.text, at);
  if (!next) return source.isEnd ? null : "open";
  return { calls: [{ name, arguments: null }], end: next.index + next[0].length };
}
