// PURE
import { parseLoosely, plainName } from "../turn/loose-call.ts";

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

/**
 * Names that models use for a parameter, from other assistants' tools. Compared without case, `_` and `-`. A name that stands
 * at several parameters means the first one that the tool has.
 */
const ALIASES: Record<string, readonly string[]> = {
  path: [
    "file",
    "file_path",
    "filename",
    "file_name",
    "target_file",
    "dir",
    "dir_path",
    "directory",
    "directory_path",
    "folder",
  ],
  pattern: [
    "query",
    "regex",
    "regexp",
    "search",
    "search_pattern",
    "search_term",
    "search_query",
    "expression",
    "text",
    "q",
  ],
  glob: ["pattern", "file_pattern", "glob_pattern", "include", "include_pattern", "name", "query"],
  start_line: ["start", "from", "from_line", "line", "line_start", "begin", "begin_line", "first_line"],
  end_line: ["end", "to", "to_line", "line_end", "last_line", "until"],
  max_results: ["limit", "max", "max_matches", "head_limit", "max_count", "count"],
  context: ["context_lines", "lines", "surrounding_lines"],
  offset: ["skip", "start"],
  fixed_string: ["literal", "fixed_strings", "is_literal"],
};

/**
 * Repairs the arguments of a call where what the model meant is certain: JSON in a fence, encoded twice, with trailing commas
 * or raw line breaks; numbers and booleans as strings; values beyond a limit; a key that fits exactly one parameter. Other
 * faults are left for the validation.
 * @param given the call's arguments; `_raw` holds text that is not a JSON object
 */
export function repairArguments(given: Arguments, parameters: Parameters): Repaired {
  const notes: string[] = [];
  const parsed = typeof given._raw === "string" && Object.keys(given).length === 1 ? parseLoosely(given._raw) : null;
  if (parsed) notes.push("the arguments were not plain JSON and have been repaired");
  const entries = renamed(parsed ?? given, parameters, notes).map(([key, value]) => {
    const property = Object.hasOwn(parameters.properties, key) ? parameters.properties[key] : undefined;
    return [key, property ? clamped(key, converted(value, property), property, notes) : value];
  });
  // fromEntries defines own properties, so that a key `__proto__` stays a key.
  return { args: Object.fromEntries(entries), notes };
}

/** Models send null for an argument that they leave out; no tool takes null as a value. */
const isGiven = (value: unknown) => value !== null && value !== undefined;

function renamed(args: Arguments, { properties }: Parameters, notes: string[]): [string, unknown][] {
  const given = Object.entries(args).filter(([, value]) => isGiven(value));
  const isKnown = (key: string) => Object.hasOwn(properties, key);
  const taken = new Set(given.map(([key]) => key).filter(isKnown));
  return given.map(([key, value]) => {
    const name = isKnown(key) ? undefined : meantParameter(key, Object.keys(properties));
    if (name === undefined || taken.has(name)) return [key, value];
    taken.add(name);
    notes.push(`${key} was taken as ${name}`);
    return [name, value];
  });
}

/** The parameter that a key means. One that it spells otherwise comes before one that it is an alias of. */
function meantParameter(key: string, names: readonly string[]): string | undefined {
  const aliased = Object.entries(ALIASES).find(
    ([name, aliases]) => names.includes(name) && aliases.some((alias) => plainName(alias) === plainName(key)),
  );
  return names.find((name) => plainName(name) === plainName(key)) ?? aliased?.[0];
}

/** Converts a value to the type of its parameter where that loses nothing. */
function converted(value: unknown, { type }: Record<string, unknown>): unknown {
  const single = Array.isArray(value) && value.length === 1 ? value[0] : value;
  const text = typeof single === "string" ? single.trim() : null;
  switch (type) {
    case "integer":
      return text !== null && /^[+-]?\d{1,15}(\.0*)?$/.test(text) ? Number(text) : single;
    case "boolean":
      if (text !== null && /^(true|false)$/i.test(text)) return text.toLowerCase() === "true";
      return single === 1 || single === 0 ? single === 1 : single;
    case "string":
      return typeof single === "number" || typeof single === "boolean" ? String(single) : single;
    default:
      return value;
  }
}

function clamped(key: string, value: unknown, { minimum, maximum }: Record<string, unknown>, notes: string[]): unknown {
  if (typeof value !== "number" || Number.isNaN(value)) return value;
  const low = typeof minimum === "number" ? minimum : Number.NEGATIVE_INFINITY;
  const high = typeof maximum === "number" ? maximum : Number.POSITIVE_INFINITY;
  const within = Math.min(high, Math.max(low, value));
  if (within !== value) notes.push(`${key} was limited to ${within}`);
  return within;
}
