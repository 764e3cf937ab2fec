/** What a tool call means that a model wrote loosely. */

const MAX_ENCODINGS = 3;

/** @returns the object that a text means; null when that is not certain */
export function parseLoosely(text: string, depth = 0): Record<string, unknown> | null {
  const value = looseJson(text);
  if (typeof value === "string" && depth < MAX_ENCODINGS) return parseLoosely(value, depth + 1);
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : null;
}

/**
 * The value of JSON that may be in a fence, have trailing commas, raw line breaks or stray backslashes, or be written as Python.
 * @returns undefined when that is not certain
 */
export function looseJson(text: string): unknown {
  const bare = (/^```[\w-]*\s*\n?([\s\S]*)```$/.exec(text.trim())?.[1] ?? text).trim();
  for (const write of [bareJson, withEscapedSigns, withoutTrailingCommas, fromPython]) {
    const value = parsed(write(bare));
    if (value !== undefined) return value;
  }
  return undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const bareJson = (text: string) => text;

/** A JSON string, and what stands between strings. */
const STRINGS = /"(?:[^"\\]|\\[\s\S])*"/g;

/** Escapes raw line breaks and tabs, and backslashes that escape nothing, as in the regular expression `\d`. */
function withEscapedSigns(text: string): string {
  return text.replaceAll(STRINGS, (string) =>
    string
      .replaceAll(/\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt])|\\/g, (sign) => (sign === "\\" ? "\\\\" : sign))
      .replaceAll("\r", "\\r")
      .replaceAll("\n", "\\n")
      .replaceAll("\t", "\\t"),
  );
}

function withoutTrailingCommas(text: string): string {
  return outsideStrings(withEscapedSigns(text), (part) => part.replaceAll(/,(\s*[}\]])/g, "$1"));
}

/** A dictionary in single quotes. One that also holds double quotes or escapes is not certain. */
function fromPython(text: string): string {
  if (/["\\]/.test(text)) return "";
  return outsideStrings(text.replaceAll("'", '"'), (part) =>
    part
      .replaceAll(/\bTrue\b/g, "true")
      .replaceAll(/\bFalse\b/g, "false")
      .replaceAll(/\bNone\b/g, "null"),
  );
}

function outsideStrings(text: string, change: (part: string) => string): string {
  let result = "";
  let end = 0;
  for (const match of text.matchAll(STRINGS)) {
    result += change(text.slice(end, match.index)) + match[0];
    end = match.index + match[0].length;
  }
  return result + change(text.slice(end));
}

/** A name without case, `_`, `-` and other signs, for comparison. */
export const plainName = (name: string) => name.toLowerCase().replaceAll(/[^a-z0-9]/g, "");

/**
 * Finds the tool that a name means: with a prefix (`functions.grep`, `default_api:grep`), an index (`grep:0`), another way of
 * writing (`viewFile`, `view-file`), or a token of the template that leaked into it (`grep<|channel|>commentary`).
 * @returns null when no tool, or more than one, fits
 */
export function meantTool<T extends string>(name: string, tools: readonly T[]): T | null {
  const exact = tools.find((tool) => tool === name);
  if (exact) return exact;
  const bare = name.split(/<[|｜]/)[0] ?? "";
  const parts = [bare, ...bare.split(/[.:/]|__/)].map(plainName);
  const fitting = tools.filter((tool) => parts.includes(plainName(tool)));
  return fitting.length === 1 ? (fitting[0] as T) : null;
}
