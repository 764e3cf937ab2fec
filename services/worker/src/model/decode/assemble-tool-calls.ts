import { cleanText, cutText, type ToolCall } from "@boocode/contracts";
import { cleanValue, isObject, type JsonObject, parseJson } from "../json-value.ts";
import type { ToolCallDelta } from "./decode-chunk.ts";

interface OpenCall {
  /** The first id; later ones are ignored. */
  id: string | null;
  index: number | null;
  name: string;
  text: string;
  object: JsonObject | null;
  extra: JsonObject;
}

/** A longer id is replaced, and a longer name cut: both are repeated in the call's result, and no tool has such a name. */
const MAX_NAME = 256;

export interface ToolCallAssembler {
  add(delta: ToolCallDelta): void;
  /** Whether any call has a name or arguments: servers also send entries in which everything is empty. */
  readonly begun: boolean;
  /**
   * @param newId creates a unique id, for servers that send none
   * @param cutShort the model was stopped, for example by its token limit, so the last call may be incomplete
   */
  finish(newId: () => string, cutShort: boolean): ToolCall[];
}

/**
 * Assembles tool calls from their deltas.
 *
 * Neither the id nor the index identifies a call by itself: some servers give every fragment a new id, others give every call
 * the index 0, others send neither. A delta starts a new call only if it has a name that cannot belong to the current call.
 */
export function createToolCallAssembler(): ToolCallAssembler {
  const calls: OpenCall[] = [];
  const byId = new Map<string, OpenCall>();

  function add(delta: ToolCallDelta): void {
    const candidate = candidateFor(delta);
    if (candidate !== undefined && isRepeat(candidate, delta)) return;
    const call = candidate !== undefined && continues(candidate, delta) ? candidate : open(delta);
    call.id ??= delta.id;
    call.index ??= delta.index;
    if (delta.id !== null) byId.set(delta.id, call);
    call.name = grownName(call.name, delta.name);
    if (typeof delta.arguments === "string") call.text += delta.arguments;
    else if (delta.arguments !== null) call.object = { ...call.object, ...delta.arguments };
    Object.assign(call.extra, delta.extra);
  }

  function candidateFor(delta: ToolCallDelta): OpenCall | undefined {
    const known = delta.id === null ? undefined : byId.get(delta.id);
    if (known) return known;
    if (delta.index === null) return calls.at(-1);
    const atIndex = calls.findLast((call) => call.index === delta.index);
    // A delta with an unknown index and neither id nor name continues the latest call.
    return atIndex ?? (delta.id === null && delta.name === null ? calls.at(-1) : undefined);
  }

  function open(delta: ToolCallDelta): OpenCall {
    const call: OpenCall = { id: null, index: delta.index, name: "", text: "", object: null, extra: {} };
    calls.push(call);
    return call;
  }

  function finish(newId: () => string, cutShort: boolean): ToolCall[] {
    const used = new Set<string>();
    const begun = calls.filter(hasBegun);
    return begun.map((call, place) => {
      let id = call.id === null || call.id.length > MAX_NAME ? newId() : cleanText(call.id);
      while (id === "" || used.has(id)) id = newId();
      used.add(id);
      const unfinished = cutShort && place === begun.length - 1;
      return {
        id,
        name: cutText(cleanText(call.name), MAX_NAME),
        arguments: argumentsOf(call, unfinished),
        ...(Object.keys(call.extra).length > 0 && { extra: cleanValue(call.extra) as JsonObject }),
      };
    });
  }

  return {
    add,
    finish,
    get begun() {
      return calls.some(hasBegun);
    },
  };
}

function hasBegun({ name, text, object }: OpenCall): boolean {
  return name !== "" || text !== "" || object !== null;
}

/** An empty object is ignored if argument text follows. */
function argumentsOf({ object, text }: OpenCall, unfinished: boolean): JsonObject {
  const useText = object === null || (Object.keys(object).length === 0 && text !== "");
  return useText ? parseArguments(text, unfinished) : (cleanValue(object) as JsonObject);
}

/**
 * Parses a call's arguments from the joined text of its deltas. Text that is not a JSON object is kept as `{_raw: text}`, so
 * that nothing is lost and the model can be told that it is malformed.
 *
 * @param unfinished the model was stopped inside this call: an empty text then does not mean "no arguments"
 */
export function parseArguments(text: string, unfinished: boolean): JsonObject {
  if (text.trim() === "" && !unfinished) return {};
  const value = parseJson(text);
  // Some servers send null for a call without arguments.
  if (value === null) return {};
  return isObject(value) ? (cleanValue(value) as JsonObject) : { _raw: cleanText(text) };
}

/** A delta without a name never starts a call. A delta with a name starts one unless it can belong to the candidate. */
function continues(candidate: OpenCall, delta: ToolCallDelta): boolean {
  if (delta.name === null) return true;
  if (candidate.name !== "" && startsSecondDocument(candidate, delta)) return false;
  return !isAnother(candidate, delta);
}

function isAnother(candidate: OpenCall, delta: ToolCallDelta): boolean {
  if (delta.id !== null) {
    if (delta.id === candidate.id) return false;
    // An id that arrives late belongs to a call that has no id yet, if the name is unchanged.
    return candidate.id !== null || (candidate.name !== "" && !isEmptyNamesake(candidate, delta));
  }
  return delta.index === null && candidate.name !== "";
}

function isEmptyNamesake(candidate: OpenCall, delta: ToolCallDelta): boolean {
  return candidate.name === delta.name && candidate.text === "" && candidate.object === null;
}

/** A call has one JSON document, so a named delta that begins a second one is another call, whatever its id or index. */
function startsSecondDocument(candidate: OpenCall, delta: ToolCallDelta): boolean {
  if (typeof delta.arguments === "string" && !delta.arguments.trimStart().startsWith("{")) return false;
  return delta.arguments !== null && isWhole(candidate);
}

function isWhole(call: OpenCall): boolean {
  if (call.object) return true;
  return call.text.trimEnd().endsWith("}") && !("_raw" in parseArguments(call.text, false));
}

/** Whether the delta repeats the whole call. Some servers do this in the chunk with the finish reason. */
function isRepeat(candidate: OpenCall, delta: ToolCallDelta): boolean {
  if (delta.id === null || delta.id !== candidate.id || delta.name !== candidate.name) return false;
  if (typeof delta.arguments === "string") return delta.arguments === candidate.text && isWhole(candidate);
  return isObject(delta.arguments) && JSON.stringify(delta.arguments) === JSON.stringify(candidate.object);
}

/**
 * Servers repeat a name, send it again longer (llama.cpp, when one tool's name is a prefix of another's), or split it (Gemini
 * proxies).
 */
function grownName(name: string, said: string | null): string {
  if (said === null || said === name) return name;
  return said.startsWith(name) ? said : name + said;
}
