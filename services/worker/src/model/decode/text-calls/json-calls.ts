import { looseJson, looseObject } from "@boocode/project-tools/loose-json";
import { cleanValue, isObject, type JsonObject } from "../../json-value.ts";
import { type CallReader, type CallSource, isOffered, matchAt, type TextCall } from "./call-source.ts";

/** The keys under which models write a call's name and its arguments. The first one present is used. */
const NAMES = ["name", "tool_name", "function_name", "recipient_name", "function", "tool", "action"];
const ARGUMENTS = ["arguments", "parameters", "args", "params", "input", "tool_input", "action_input", "kwargs"];
/** Keys whose value is a call, or a list of calls. */
const WRAPPERS = ["tool_calls", "tool_uses", "tool_call", "function_call", "function", "calls"];
const OTHERS = ["id", "type", "index", "tool_call_id", "call_id"];
const CALL_KEYS = new Set([...NAMES, ...ARGUMENTS, ...WRAPPERS, ...OTHERS]);

/** @returns the index after the JSON object or array that begins at `at`; null if the text ends inside it */
export function endOfJson(text: string, at: number): number | null {
  let depth = 0;
  let inString = false;
  for (let place = at; place < text.length; place++) {
    const character = text[place];
    if (inString) {
      if (character === "\\") place += 1;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === "{" || character === "[") depth += 1;
    else if ((character === "}" || character === "]") && --depth === 0) return place + 1;
  }
  return null;
}

/** Reads a call's arguments, given as JSON text or as an object. @returns null when that is not possible */
export function toArguments(value: unknown): JsonObject | null {
  if (value === undefined || value === null || value === "") return {};
  const object = typeof value === "string" ? looseObject(value) : value;
  return isObject(object) ? (cleanValue(object) as JsonObject) : null;
}

/** An object, or a list of anything but function calls. */
const JSON_BEGIN = /\{|\[(?!\s{0,20}[A-Za-z_])/y;

/** Reads calls in JSON after a marker: objects with a name and arguments, alone or in lists. */
export const readJsonCalls: CallReader = (source, at) => {
  const { text, isEnd } = source;
  if (!matchAt(JSON_BEGIN, text, at)) return null;
  const end = endOfJson(text, at);
  if (end === null) return isEnd ? readUnclosed(source, at) : "open";
  const json = text.slice(at, end);
  const value = looseJson(json) ?? (json.startsWith("{{") ? looseJson(json.slice(1, -1)) : undefined);
  return { calls: callsIn(value) ?? [brokenCall(json)], end };
};

/** Models sometimes omit the last brackets. A closing tag may follow. */
function readUnclosed({ text, cutShort }: CallSource, at: number): ReturnType<CallReader> {
  const marker = text.indexOf("</", at);
  if (marker === -1 && cutShort) return "open";
  const json = text.slice(at, marker === -1 ? undefined : marker);
  for (const missing of ["", "}", "}}", "]", "}]", "}}]"]) {
    const calls = callsIn(looseJson(json + missing));
    if (calls) return { calls, end: at + json.length };
  }
  return "open";
}

/** The calls that a JSON value describes; null if any part of it describes something else. */
function callsIn(value: unknown): TextCall[] | null {
  if (Array.isArray(value)) {
    const calls = value.map(callsIn);
    return calls.length > 0 && calls.every((each) => each !== null) ? calls.flat() : null;
  }
  if (!isObject(value)) return null;
  const wrapper = WRAPPERS.find((key) => typeof value[key] === "object" && value[key] !== null);
  if (wrapper !== undefined) return callsIn(value[wrapper]);
  const name = NAMES.map((key) => value[key]).find((said) => typeof said === "string" && said !== "");
  if (typeof name === "string") {
    const key = ARGUMENTS.find((each) => each in value);
    return [{ name, arguments: toArguments(key === undefined ? withoutLabels(value) : value[key]) }];
  }
  return null;
}

/** Models also write the arguments as keys beside the name. */
function withoutLabels(call: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(call).filter(([key]) => !NAMES.includes(key) && !OTHERS.includes(key)));
}

/** A call that cannot be parsed; its name may be readable. */
export function brokenCall(text: string): TextCall {
  const name = /["'](?:name|tool_name|function_name|recipient_name)["']\s*:\s*["']([^"']{1,80})["']/.exec(text)?.[1];
  return { name: name ?? null, arguments: null };
}

const FIRST_KEY =
  /(?:\[\s{0,20})?\{\s{0,20}["'](?<key>\w{1,40})["']\s{0,20}:\s{0,20}(?:["'](?<value>[^"'\\\n]{0,100})["']|(?=[^"'\s]))/y;
const FIRST_KEY_OPEN =
  /^(?:\[\s{0,20}(?:$|(?=\{)))?(?:\{\s{0,20}(?:["']\w{0,40}(?:["']\s{0,20}(?::\s{0,20}(?:["'][^"'\\\n]{0,100})?)?)?)?)?$/;

/**
 * Reads calls in JSON without a marker. Any other JSON may be an answer, so this is stricter: the first key decides early, the
 * tool must be offered, and only a call's keys are allowed.
 */
export const readBareJsonCalls: CallReader = (source, at) => {
  const { text, isEnd } = source;
  if (text[at] !== "{" && text[at] !== "[") return null;
  const first = matchAt(FIRST_KEY, text, at)?.groups;
  if (!first) return !isEnd && FIRST_KEY_OPEN.test(text.slice(at, at + 300)) ? "open" : null;
  const { key = "", value } = first;
  if (!CALL_KEYS.has(key)) return null;
  if (value !== undefined && NAMES.includes(key) && !isOffered(source, value)) return null;
  if (key === "type" && value !== undefined && !/^(function|tool_(call|use))$/.test(value)) return null;
  const reading = readJsonCalls(source, at);
  if (!mayNameTool(source, at)) return null;
  if (reading === null || reading === "open") return reading;
  const isCall = reading.calls.every(({ name }) => isOffered(source, name));
  return isCall && hasOnlyCallKeys(looseJson(text.slice(at, reading.end))) ? reading : null;
};

/** The tool's name must come within this many characters, so that long JSON is not held back. */
const NAMED_WITHIN = 4_000;
const NAMED = new RegExp(`["'](?:${NAMES.join("|")})["']\\s{0,20}:\\s{0,20}["']([^"']{1,80})["']`, "g");

function mayNameTool(source: CallSource, at: number): boolean {
  const { text, isEnd } = source;
  const begin = text.slice(at, at + NAMED_WITHIN);
  return (
    (!isEnd && begin.length < NAMED_WITHIN) ||
    [...begin.matchAll(NAMED)].some(([, name = ""]) => isOffered(source, name))
  );
}

/** Whether a value has only a call's keys; false for a tool's schema, for example. Unparsable text may be a call. */
function hasOnlyCallKeys(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(hasOnlyCallKeys);
  if (!isObject(value)) return true;
  const wrapped = WRAPPERS.map((key) => value[key]).filter((inner) => typeof inner === "object" && inner !== null);
  if (!Object.keys(value).every((key) => CALL_KEYS.has(key)) || !wrapped.every(hasOnlyCallKeys)) return false;
  if (wrapped.length > 0) return true;
  const args = ARGUMENTS.map((key) => value[key]).find((each) => each !== undefined);
  return args !== undefined && !(isObject(args) && args.type === "object" && "properties" in args);
}
