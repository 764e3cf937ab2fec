// PURE

const MAX_DEPTH = 64;

/** The quotes that close a string, by the quote that opens it. */
const CLOSING: Record<string, string> = { '"': '"', "'": "'", "`": "`", "“": "”“", "‘": "’‘", "„": "”“", "«": "»" };
const WORDS: Record<string, unknown> = { true: true, false: false, null: null, none: null, undefined: null, nil: null };
const ESCAPES: Record<string, string> = { b: "\b", f: "\f", n: "\n", r: "\r", t: "\t" };

const BLANK = /(?:\s|\/\/[^\n]*|\/\*[\s\S]*?\*\/)*/y;
const WORD = /[A-Za-z_$][\w$-]*/y;
const NUMBER = /[+-]?(?:\d[\d_]*(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?(?![\w.])/iy;
/** What may follow a string. A quote followed by anything else is part of the string. */
const AFTER_STRING = /\s*(?:[,}\]:]|\/\/|\/\*|$)/y;

class NotJson extends Error {}

/**
 * Parses JSON as models write it, also if malformed: single or typographic quotes, bare keys, Python's constants, trailing
 * commas, comments, raw line breaks, backslashes that escape nothing (`\d`) and quotes inside a string. Never completes truncated
 * text.
 * @returns undefined when the text is anything else
 */
export function looseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Most of the JSON that models write is valid; the rest is parsed below.
  }
  const found = looseJsonAt(text, 0);
  return found !== null && skip(BLANK, text, found.end) === text.length ? found.value : undefined;
}

const MAX_ENCODINGS = 4;
/** Words before and after the object that cannot be a part of it. */
const LEAD = /^[^{}[\]"'“‘]{0,80}$/;
const TAIL = /^[}\]\s`;]*(?:[^{}[\]]{0,500})$/;

/**
 * Returns the object that a text means: valid or malformed JSON (see `looseJson`), in a fence, in a list of one, encoded several
 * times, or with a few words around it.
 * @returns null when the meaning is not certain
 */
export function looseObject(text: string, encodings = 1): Record<string, unknown> | null {
  const fenced = /```[\w-]*\s*\n?([\s\S]*?)\n?\s*```/.exec(text)?.[1];
  const bare = (fenced?.trimStart().startsWith("{") ? fenced : text).trim();
  const value = looseJson(bare);
  if (typeof value === "string") return encodings < MAX_ENCODINGS ? looseObject(value, encodings + 1) : null;
  const single = Array.isArray(value) && value.length === 1 ? value[0] : value;
  if (isObject(single)) return single;
  const from = bare.indexOf("{");
  if (value !== undefined || from === -1 || !LEAD.test(bare.slice(0, from))) return null;
  const found = looseJsonAt(bare, from);
  return found && isObject(found.value) && TAIL.test(bare.slice(found.end)) ? found.value : null;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Reads the value that begins at an index. @returns it with the index after it; null when no value begins there */
export function looseJsonAt(text: string, at: number): { value: unknown; end: number } | null {
  try {
    return readValue(text, skip(BLANK, text, at), 0);
  } catch (error) {
    if (error instanceof NotJson) return null;
    throw error;
  }
}

interface Read {
  value: unknown;
  end: number;
}

function readValue(text: string, at: number, depth: number): Read {
  if (depth > MAX_DEPTH) throw new NotJson();
  const first = text[at] ?? "";
  if (first === "{") return readObject(text, at + 1, depth);
  if (first === "[") return readArray(text, at + 1, depth);
  if (first in CLOSING) return readString(text, at, false);
  if (/[rR]/.test(first) && /["']/.test(text[at + 1] ?? "")) return readString(text, at + 1, true);
  const number = matchAt(NUMBER, text, at);
  if (number) return { value: Number(number.replaceAll("_", "")), end: at + number.length };
  const word = matchAt(WORD, text, at);
  if (word === null || !Object.hasOwn(WORDS, word.toLowerCase())) throw new NotJson();
  return { value: WORDS[word.toLowerCase()], end: at + word.length };
}

function readObject(text: string, from: number, depth: number): Read {
  const entries: [string, unknown][] = [];
  let at = skip(BLANK, text, from);
  while (text[at] !== "}") {
    const key = readKey(text, at);
    const { value, end } = readValue(text, expect(":", text, key.end), depth + 1);
    entries.push([key.name, value]);
    at = skip(BLANK, text, end);
    if (text[at] !== "}") at = expect(",", text, at);
  }
  // fromEntries defines own properties, so that a key `__proto__` stays a key.
  return { value: Object.fromEntries(entries), end: at + 1 };
}

function readKey(text: string, at: number): { name: string; end: number } {
  if ((text[at] ?? "") in CLOSING) {
    const { value, end } = readString(text, at, false);
    return { name: String(value), end };
  }
  const word = matchAt(WORD, text, at);
  if (word === null) throw new NotJson();
  return { name: word, end: at + word.length };
}

function readArray(text: string, from: number, depth: number): Read {
  const items: unknown[] = [];
  let at = skip(BLANK, text, from);
  while (text[at] !== "]") {
    const { value, end } = readValue(text, at, depth + 1);
    items.push(value);
    at = skip(BLANK, text, end);
    if (text[at] !== "]") at = expect(",", text, at);
  }
  return { value: items, end: at + 1 };
}

/** @param raw whether backslashes escape only quotes, as in Python's `r"\d"` */
function readString(text: string, at: number, raw: boolean): Read {
  const opening = text[at] as string;
  if (text.startsWith(opening.repeat(3), at) && /["']/.test(opening)) return readLongString(text, at);
  const closing = CLOSING[opening] as string;
  for (let end = at + 1; end < text.length; end++) {
    const sign = text[end] as string;
    if (sign === "\\") end += 1;
    else if (closing.includes(sign) && matchAt(AFTER_STRING, text, end + 1) !== null) {
      const inner = text.slice(at + 1, end);
      return { value: raw ? inner : unescaped(inner), end: end + 1 };
    }
  }
  throw new NotJson();
}

function readLongString(text: string, at: number): Read {
  const quotes = text.slice(at, at + 3);
  const end = text.indexOf(quotes, at + 3);
  if (end === -1) throw new NotJson();
  return { value: unescaped(text.slice(at + 3, end)), end: end + 3 };
}

const ESCAPE = /\\(?:u([0-9a-fA-F]{4})|([\s\S]))/g;

/**
 * Resolves escapes, but keeps backslashes that escape nothing. A string that has one was written without escaping, so its `\b` is
 * the word boundary of a regular expression.
 */
function unescaped(text: string): string {
  const unaware = [...text.matchAll(ESCAPE)].some(
    ([, code, sign = ""]) => code === undefined && !/["'\\/bfnrtu`\n]/.test(sign),
  );
  return text.replaceAll(ESCAPE, (all, code: string | undefined, sign = "") => {
    if (code !== undefined) return String.fromCharCode(Number.parseInt(code, 16));
    if (sign === "b" && unaware) return all;
    if (Object.hasOwn(ESCAPES, sign)) return ESCAPES[sign] as string;
    return /["'\\/`\n]/.test(sign) ? sign : all;
  });
}

function expect(sign: string, text: string, at: number): number {
  const place = skip(BLANK, text, at);
  if (text[place] !== sign) throw new NotJson();
  return skip(BLANK, text, place + 1);
}

function matchAt(pattern: RegExp, text: string, at: number): string | null {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? null;
}

function skip(pattern: RegExp, text: string, at: number): number {
  return at + (matchAt(pattern, text, at)?.length ?? 0);
}
