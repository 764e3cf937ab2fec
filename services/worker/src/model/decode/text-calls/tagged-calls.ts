import { cleanText } from "@boocode/contracts";
import type { JsonObject } from "../../json-value.ts";
import { type CallReader, isOffered, isUndecided, matchAt, NAME } from "./call-source.ts";
import { endOfJson, toArguments } from "./json-calls.ts";

/** Anthropic, MiniMax and DeepSeek V3.2 put a namespace in front of their tags. */
const NAMESPACE = "(?:\\w{1,20}:|[|｜]DSML[|｜])?";
const OPEN = new RegExp(
  `<${NAMESPACE}(?:function|invoke)(?:\\s*=\\s*|\\s+name\\s*=\\s*)["']?(?<name>${NAME})["']?\\s*>`,
  "y",
);
const CLOSE = new RegExp(`</${NAMESPACE}(?:function|invoke)>`, "y");
const PARAMETER = new RegExp(
  `<${NAMESPACE}(?:parameter|param)(?:\\s*=\\s*|\\s+name\\s*=\\s*)["']?(?<key>[\\w.-]{1,80})["']?[^>\\n]{0,60}>`,
  "y",
);
/** The end of a parameter. Qwen3-Coder sometimes leaves the closing tag out. */
const PARAMETER_END = new RegExp(
  `</${NAMESPACE}(?:parameter|param)>|\\n(?=<${NAMESPACE}(?:parameter|param)[ =])|\\n?(?=</${NAMESPACE}(?:function|invoke)>)`,
  "g",
);
const OTHER_END = /<\/[^<>\s]{1,60}>/y;
const PARTIAL_TAG = /<[^>\n]{0,150}$/y;
const BLANK = /\s*/y;

/** Reads `<function=grep><parameter=pattern>x</parameter></function>`, `<invoke name="grep">…` and `<function=grep>{…}</function>`. */
export const readTaggedCalls: CallReader = (source, at) => {
  const { text, isEnd, cutShort } = source;
  const open = matchAt(OPEN, text, at);
  if (!open) return null;
  const name = open.groups?.name ?? "";
  let args: JsonObject | null = {};
  let place = at + open[0].length;
  for (;;) {
    place += matchAt(BLANK, text, place)?.[0].length ?? 0;
    const close = matchAt(CLOSE, text, place);
    if (close) return { calls: [{ name, arguments: args }], end: place + close[0].length };
    const parameter = matchAt(PARAMETER, text, place);
    if (parameter) {
      const from = place + parameter[0].length;
      const end = matchAt(PARAMETER_END, text, from);
      if (!end && (!isEnd || cutShort)) return "open";
      args = { ...args, [parameter.groups?.key ?? ""]: trimmed(text.slice(from, end?.index)) };
      place = end ? end.index + end[0].length : text.length;
    } else if (text[place] === "{") {
      const end = endOfJson(text, place);
      if (end === null) return "open";
      args = toArguments(text.slice(place, end));
      place = end;
    } else if (place === text.length) {
      return isEnd && !cutShort ? { calls: [{ name, arguments: args }], end: place } : "open";
    } else if (isUndecided(source, place) || (isEnd && matchAt(PARTIAL_TAG, text, place))) {
      return "open";
    } else {
      // A wrapper's closing tag closes the call, too.
      return { calls: [{ name, arguments: matchAt(OTHER_END, text, place) ? args : null }], end: place };
    }
  }
};

const GLM_NAME = new RegExp(`(?<name>${NAME})\\s{0,20}`, "y");
const GLM_ARGUMENT = /<arg_key>\s*(?<key>[^<]{1,80}?)\s*<\/arg_key>\s*<arg_value>/y;

/** Reads GLM's `grep <arg_key>pattern</arg_key> <arg_value>x</arg_value>`, inside `<tool_call>` tags. */
export const readGlmCalls: CallReader = (source, at) => {
  const { text, isEnd, cutShort } = source;
  const head = matchAt(GLM_NAME, text, at);
  if (!head) return null;
  const name = head.groups?.name ?? "";
  const args: JsonObject = {};
  let place = at + head[0].length;
  for (;;) {
    place += matchAt(BLANK, text, place)?.[0].length ?? 0;
    const argument = matchAt(GLM_ARGUMENT, text, place);
    if (!argument) break;
    const from = place + argument[0].length;
    const end = text.indexOf("</arg_value>", from);
    if (end === -1) return "open";
    args[argument.groups?.key ?? ""] = trimmed(text.slice(from, end));
    place = end + "</arg_value>".length;
  }
  if (text.startsWith("<arg_", place)) return "open";
  if (place === text.length ? !isEnd || cutShort : text[place] === "<" && isUndecided(source, place)) return "open";
  const isEnded = place === text.length || text.startsWith("</", place);
  return isEnded && isOffered(source, name) ? { calls: [{ name, arguments: args }], end: place } : null;
};

/** A value between tags, without the line breaks next to them. */
function trimmed(text: string): string {
  return cleanText(text.replace(/^\r?\n/, "").replace(/\r?\n$/, ""));
}
