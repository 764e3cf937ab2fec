import { looseJson } from "@boocode/project-tools/loose-json";
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
import { endOfJson, toArguments } from "./json-calls.ts";

const HEAD = /(?:print\s{0,5}\(\s{0,5})?(?<name>(?!print\s{0,5}\()[A-Za-z_][\w.:-]{0,80}?)(?:\.call)?\(\s*/y;
const HEAD_OPEN = /^(?:print\s{0,5}\(\s{0,5})?[\w.:-]*\s*\(?$/;
const KEY = /(?<key>[A-Za-z_]\w{0,60})\s*[=:]\s*/y;
const STRING = /"(?:[^"\\]|\\[\s\S])*"|'(?:[^'\\]|\\[\s\S])*'/y;
const WORD = /[\w.+-]{1,60}/y;
const BLANK = /[\s,]*/y;
const WORDS: Record<string, unknown> = { True: true, true: true, False: false, false: false, None: null, null: null };

/** Reads `grep({"pattern": "x"})`, `grep(pattern="x")`, and lists of such calls: `[grep(pattern="x"), list_dir()]`. */
export const readFunctionCalls: CallReader = (source, at) => {
  const { text, isEnd } = source;
  if (text[at] !== "[") return readFunctionCall(source, at);
  const calls: TextCall[] = [];
  for (let place = at + 1; ; ) {
    place += matchAt(BLANK, text, place)?.[0].length ?? 0;
    if (calls.length > 0 && text[place] === "]") return { calls, end: place + 1 };
    const reading = readFunctionCall(source, place);
    if (reading === null) return calls.length > 0 && isEnd && place === text.length ? "open" : null;
    if (reading === "open") return "open";
    calls.push(...reading.calls);
    place = reading.end;
  }
};

function readFunctionCall(source: CallSource, at: number): Reading {
  const { text } = source;
  const head = matchAt(HEAD, text, at);
  if (!head) return isUndecided(source, at) && HEAD_OPEN.test(text.slice(at, at + 200)) ? "open" : null;
  const name = head.groups?.name ?? "";
  if (!isOffered(source, name)) return null;
  let args: JsonObject | null = {};
  let place = at + head[0].length;
  const closers = head[0].startsWith("print") ? 2 : 1;
  if (text[place] === "{") {
    const end = endOfJson(text, place);
    if (end === null) return "open";
    args = toArguments(text.slice(place, end));
    place = end;
  }
  for (;;) {
    place += matchAt(BLANK, text, place)?.[0].length ?? 0;
    if (place === text.length) return "open";
    if (text[place] === ")") break;
    const key = matchAt(KEY, text, place);
    if (!key) return isUndecided(source, place) ? "open" : null;
    const from = place + key[0].length;
    const end = endOfValue(text, from);
    if (end === null || end === text.length) return "open";
    if (end === from) return null;
    args = { ...args, [key.groups?.key ?? ""]: literal(text.slice(from, end)) };
    place = end;
  }
  const rest = /\)\s*\)|\)/y;
  const closing = closers === 2 ? matchAt(rest, text, place) : null;
  return { calls: [{ name, arguments: args }], end: place + (closing?.[0].length ?? 1) };
}

function endOfValue(text: string, at: number): number | null {
  const first = text[at];
  if (first === "{" || first === "[") return endOfJson(text, at);
  if (first === '"' || first === "'") {
    const string = matchAt(STRING, text, at);
    return string ? at + string[0].length : null;
  }
  return at + (matchAt(WORD, text, at)?.[0].length ?? 0);
}

function literal(text: string): unknown {
  if (Object.hasOwn(WORDS, text)) return WORDS[text];
  const value = text.startsWith("'") ? undefined : looseJson(text);
  if (value !== undefined) return value;
  return /^["']/.test(text) ? text.slice(1, -1).replaceAll(/\\(["'\\])/g, "$1") : text;
}
