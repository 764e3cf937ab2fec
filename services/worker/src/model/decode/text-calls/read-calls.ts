import { meantTool } from "@boocode/project-tools/meant-tool";
import type { JsonObject } from "../../json-value.ts";
import { type CallSource, firstReading, isOffered, isUndecided, matchAt, type TextCall } from "./call-source.ts";
import { readHeadedCalls } from "./headed-calls.ts";
import { readTaggedCalls } from "./tagged-calls.ts";
import { readUnmarked } from "./unmarked-calls.ts";
import { readWrapped } from "./wrapped-calls.ts";

/** What may come between and after calls: whitespace, closing tags without an opening one, and tokens that end a message. */
const BETWEEN = new RegExp(
  "(?:[\\s,;]|</(?:\\w{1,20}:)?(?:tool_calls?|function_calls?|function|invoke)>|<(?:tool_call|function_calls)>(?=\\s*$)|\\[/TOOL_CALLS\\]" +
    "|</s>|<\\|(?:im_end|im_start|eot_id|eom_id|endoftext|end_of_text|end|call|return|eot|user|observation|endofprompt|END_OF_TURN_TOKEN)\\|>|<｜end▁of▁sentence｜>|<eos>|<end_of_turn>|\\[e~\\[)*",
  "y",
);
/** How models begin a call. `markerAt` adds Mistral's form without its first token for each offered tool. */
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

/** Whether a marker begins at an index. `maybe`: the text ends inside it. */
export function markerAt(text: string, at: number, tools: readonly string[]): "yes" | "maybe" | "no" {
  let verdict: "maybe" | "no" = "no";
  const said = text.slice(at, at + 90);
  for (const marker of [...MARKERS, ...tools.map((tool) => `${tool}[ARGS]`)]) {
    if (said.startsWith(marker)) return "yes";
    if (marker.startsWith(said)) verdict = "maybe";
  }
  return verdict;
}

/** The judgement of a text that may begin with tool calls. */
export type Verdict =
  | { kind: "calls"; calls: { name: string; arguments: JsonObject }[] }
  /** It begins as a call but cannot be parsed. */
  | { kind: "broken" }
  /** Undecided until more text arrives. */
  | { kind: "open" }
  /** It is text, at least up to `end`. */
  | { kind: "text"; end: number };

/**
 * Judges a text that may begin with a tool call. It counts as calls if it contains nothing else, and at least one of them is for
 * an offered tool.
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
