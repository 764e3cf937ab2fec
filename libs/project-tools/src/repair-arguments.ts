// PURE

import * as names from "./argument-names.ts";
import * as values from "./argument-values.ts";
import { looseObject } from "./calls/loose-json.ts";
import { plainName } from "./calls/meant-tool.ts";

/** The parameters of a tool, as the model sees them. */
export interface Parameters extends Record<string, unknown> {
  type: "object";
  properties: Record<string, Record<string, unknown>>;
  required: string[];
}

type Arguments = Record<string, unknown>;

export interface Repaired {
  args: Arguments;
  /** What was changed, for the model; empty when nothing was. */
  notes: string[];
}

const MAX_WRAPPERS = 3;
const MAX_SHOWN_KEY = 40;

/**
 * Repairs the arguments of a call where the model's intent is certain: malformed JSON (see `looseObject`), numbers and booleans as
 * strings, values beyond a limit, a key that fits exactly one parameter, the arguments of other assistants' tools. Other errors
 * are left to the validation.
 * @param given the call's arguments; `_raw` holds text that is not a JSON object
 */
export function repairArguments(given: Arguments, parameters: Parameters): Repaired {
  const notes: string[] = [];
  const parsed = typeof given._raw === "string" && Object.keys(given).length === 1 ? looseObject(given._raw) : null;
  if (parsed) notes.push("the arguments were not valid JSON and were repaired");
  const isSearch = hasParameter(parameters, "glob");
  const entries = [...assigned(unwrapped(parsed ?? given, parameters, notes), parameters, notes)].map(
    ([key, value]) => {
      const property = parameters.properties[key];
      if (!hasParameter(parameters, key) || property === undefined) return [key, value];
      return [key, values.clamped(key, values.converted(key, value, property, isSearch), property, notes)];
    },
  );
  // fromEntries defines own properties, so that a key `__proto__` stays a key.
  return { args: Object.fromEntries(entries), notes };
}

function hasParameter({ properties }: Parameters, key: string): boolean {
  return Object.hasOwn(properties, key);
}

/** Returns the arguments inside `{"arguments": {…}}`, whose value may be JSON text. */
function unwrapped(given: Arguments, parameters: Parameters, notes: string[]): Arguments {
  let args = given;
  for (let layer = 0; layer < MAX_WRAPPERS; layer++) {
    const [only, ...others] = Object.entries(args).filter(([key]) => !isLabel(key, parameters));
    if (only === undefined || others.length > 0 || !names.isWrapper(only[0])) return args;
    const inner = typeof only[1] === "string" ? looseObject(only[1]) : only[1];
    if (typeof inner !== "object" || inner === null || Array.isArray(inner)) return args;
    notes.push(`the arguments inside ${only[0]} were used`);
    args = inner as Arguments;
  }
  return args;
}

/** Whether a key beside a wrapper only labels the call. */
function isLabel(key: string, parameters: Parameters): boolean {
  return !hasParameter(parameters, key) && (names.isNeedless(key) || ["name", "type", "id"].includes(plainName(key)));
}

/** Assigns every value to the parameter that its key means. */
function assigned(given: Arguments, parameters: Parameters, notes: string[]): Map<string, unknown> {
  const known = Object.keys(parameters.properties);
  const result = new Map<string, unknown>();
  const others: [string, unknown][] = [];
  let lineCount: number | null = null;

  function assign(key: string, name: string, value: unknown): void {
    if (key !== name) notes.push(`${shown(key)} was taken as ${name}`);
    const isOptional = !parameters.required.includes(name);
    if (value === null || value === undefined || (isOptional && values.isLeftOut(value))) return;
    result.set(name, value);
  }

  /** Assigns other tools' arguments that are more than another name for a parameter. @returns false for anything else */
  function assignForm(key: string, value: unknown): boolean {
    const opposite = names.oppositeParameter(key, known);
    const truth = values.toBoolean(value);
    if (opposite !== undefined && !result.has(opposite) && truth !== null) {
      assign(`${shown(key)}: ${truth}`, opposite, !truth);
      return true;
    }
    if (hasParameter(parameters, "end_line")) {
      const range = names.isLineRange(key) ? values.lineRange(value) : null;
      if (range !== null && !result.has("start_line") && !result.has("end_line")) {
        assign(key, "start_line", range[0]);
        assign(key, "end_line", range[1]);
        return true;
      }
      const count = names.isLineCount(key) ? Number(value) : 0;
      if (Number.isSafeInteger(count) && count > 0 && !result.has("end_line")) {
        lineCount = count;
        notes.push(`${shown(key)} was taken as a number of lines`);
        return true;
      }
    }
    if (hasParameter(parameters, "context") && names.isSurrounding(key) && Number.isInteger(Number(value))) {
      assign(key, "context", Math.max(Number(result.get("context") ?? 0), Number(value)));
      return true;
    }
    const globs = hasParameter(parameters, "glob") && globsOf(key, value);
    if (!globs) return false;
    const before = result.get("glob");
    if (before !== undefined && (typeof before !== "string" || !globs.startsWith("!"))) return false;
    assign(key, "glob", before === undefined ? globs : `${before},${globs}`);
    return true;
  }

  for (const [key, value] of Object.entries(given)) {
    const range = key === "start_line" && !isGiven(given.end_line) ? values.lineRange(value) : null;
    if (range !== null && hasParameter(parameters, "end_line")) {
      assign(`${key} ${range.join("-")}`, "start_line", range[0]);
      assign("end_line", "end_line", range[1]);
    } else if (known.includes(key)) assign(key, key, value);
    else others.push([key, value]);
  }
  for (const [key, value] of others) {
    if (value === null || value === undefined) continue;
    const missing = parameters.required.filter((name) => !result.has(name));
    const meant = names.meantParameter(key, known, missing);
    const isFlag = typeof value === "boolean" && plainName(key) === "n";
    if (!isFlag && assignForm(key, value)) continue;
    if (!isFlag && meant !== undefined && !result.has(meant)) assign(key, meant, value);
    else if (isFlag || same(result, meant, value) || isNeedless(key, value)) notes.push(`${shown(key)} was ignored`);
    else result.set(key, value);
  }
  if (lineCount !== null) result.set("end_line", Math.max(1, Number(result.get("start_line")) || 1) + lineCount - 1);
  return result;
}

const isNeedless = (key: string, value: unknown) =>
  names.isNeedless(key) || names.asksForDefault(key, value) || values.isEmpty(value);

const isGiven = (value: unknown) => value !== null && value !== undefined;

function globsOf(key: string, value: unknown): string | null {
  if (names.isExclusion(key)) return values.exclusionGlobs(value);
  if (names.isFileType(key)) return values.typeGlob(value);
  return names.isEnding(key) ? values.endingGlobs(value) : null;
}

/** Whether the value only repeats the one that the parameter already has. */
function same(given: ReadonlyMap<string, unknown>, name: string | undefined, value: unknown): boolean {
  return name !== undefined && given.has(name) && JSON.stringify(given.get(name)) === JSON.stringify(value);
}

const shown = (key: string) => (key.length > MAX_SHOWN_KEY ? `${key.slice(0, MAX_SHOWN_KEY)}…` : key);
