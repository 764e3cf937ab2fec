import { meantTool } from "../../../turn/meant-tool.ts";
import type { JsonObject } from "../../json-value.ts";
import { type CallSource, firstReading, isOffered, isUndecided, matchAt, type TextCall } from "./call-source.ts";
import { readHeadedCalls } from "./headed-calls.ts";
import { readTaggedCalls } from "./tagged-calls.ts";
import { readUnmarked } from "./unmarked-calls.ts";
import { readWrapped } from "./wrapped-calls.ts";

/** What may stand between calls and behind them: blanks, closing tags without an opening one, and tokens that end a message. */
const BETWEEN = new RegExp(
  "(?:[\\s,;]|</(?:\\w{1,20}:)?(?:tool_calls?|function_calls?|function|invoke)>|<(?:tool_call|function_calls)>(?=\\s*$)|\\[/TOOL_CALLS\\]" +
    "|</s>|<\\|(?:im_end|im_start|eot_id|eom_id|endoftext|end_of_text|end|call|return|eot|user|observation|endofprompt|END_OF_TURN_TOKEN)\\|>|<｜end▁of▁sentence｜>|<eos>|<end_of_turn>|\\[e~\\[)*",
  "y",
);
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
  "<start_function_call>",
  "<tool_code>",
  "<tool_use>",
  "[TOOL_CALLS]",
  "[TOOL_REQUEST]",
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
