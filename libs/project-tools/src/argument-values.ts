// PURE

type Property = Record<string, unknown>;

const WORDS_FOR_NOTHING = new Set(["", "null", "none", "undefined", "nil", "n/a"]);
const WORDS_FOR_THE_END = new Set(["end", "eof", "last", "$", "-1", "all"]);
const WORDS_FOR_ALL = new Set(["all", "max", "unlimited", "infinity", "inf"]);
const TRUE = new Set(["true", "yes", "on", "1"]);
const FALSE = new Set(["false", "no", "off", "0"]);

/** Whether a value counts as omitted: no tool takes null or an empty string. */
export function isLeftOut(value: unknown): boolean {
  if (value === null || value === undefined) return true;
  if (Array.isArray(value)) return value.length === 0;
  return typeof value === "string" && WORDS_FOR_NOTHING.has(value.trim().toLowerCase());
}

/** Whether the value of an unknown argument is empty, so that it can be dropped. */
export function isEmpty(value: unknown): boolean {
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return value === "";
}

/** Converts a value to the type of its parameter where that loses nothing; returns any other value as it is. */
export function converted(key: string, given: unknown, { type }: Property, isSearch: boolean): unknown {
  const value = unwrapped(key, given);
  switch (type) {
    case "integer":
      return toInteger(key, value);
    case "boolean":
      return toBoolean(value) ?? value;
    case "string":
      // A search takes lists of globs and of paths as comma-separated text.
      if (isSearch && key !== "pattern" && isTexts(value)) return value.join(",");
      return typeof value === "number" || typeof value === "boolean" ? String(value) : value;
    default:
      return value;
  }
}

export function toBoolean(value: unknown): boolean | null {
  // An object from a model may have a `toString` that is not a function.
  if (typeof value === "object") return null;
  const text = String(value).trim().toLowerCase();
  return TRUE.has(text) ? true : FALSE.has(text) ? false : null;
}

/** Returns the value inside a list of one, or inside an object that holds nothing else. */
function unwrapped(key: string, value: unknown): unknown {
  if (Array.isArray(value)) return value.length === 1 ? value[0] : value;
  if (typeof value !== "object" || value === null) return value;
  const [[name, inner] = [], ...others] = Object.entries(value);
  return others.length === 0 && (name === "value" || name === key) ? inner : value;
}

function toInteger(key: string, value: unknown): unknown {
  if (typeof value !== "string") return value;
  const text = value
    .trim()
    .replace(/^(["'])(.*)\1$/, "$2")
    .replace(/^(?:line\s*|L)(?=\d)/i, "");
  if (/^[+-]?\d+(?:\.0*)?(?:e\d{1,2})?$/i.test(text)) return Number(text);
  const word = text.toLowerCase();
  if (key === "end_line" && WORDS_FOR_THE_END.has(word)) return -1;
  return key === "max_results" && WORDS_FOR_ALL.has(word) ? Number.MAX_SAFE_INTEGER : value;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === "string");
}

/** Returns the first and last line of `[1, 50]`, `"1-50"` or `{"start": 1, "end": 50}`; null for anything else. */
export function lineRange(value: unknown): [number, number] | null {
  const object = typeof value === "object" && value !== null && !Array.isArray(value) ? Object.values(value) : null;
  const text =
    typeof value === "string" ? /^\s*\[?\s*L?(\d+)\s*(?:-|:|,|\.\.|to)\s*L?(-?\d+)\s*\]?\s*$/i.exec(value) : null;
  const numbers = (text?.slice(1) ?? object ?? (Array.isArray(value) ? value : [])).map(Number);
  const [first, last] = numbers;
  if (numbers.length !== 2 || !Number.isInteger(first) || !Number.isInteger(last)) return null;
  return [first as number, last as number];
}

/** Returns `*.ts,*.tsx` for `["ts", ".tsx"]`. */
export function endingGlobs(value: unknown): string | null {
  const endings = typeof value === "string" ? value.split(",") : value;
  if (!isTexts(endings)) return null;
  const names = endings.map((ending) => ending.trim().replace(/^\*?\.?/, ""));
  return names.every((name) => /^[\w.+-]{1,20}$/.test(name)) ? names.map((name) => `*.${name}`).join(",") : null;
}

const ENDINGS: Record<string, string> = {
  ...{ ts: "{ts,tsx,mts,cts}", typescript: "{ts,tsx,mts,cts}", js: "{js,jsx,mjs,cjs}", javascript: "{js,jsx,mjs,cjs}" },
  ...{ python: "py", rust: "rs", ruby: "rb", golang: "go", kotlin: "kt", csharp: "cs", markdown: "md", shell: "sh" },
  ...{
    cpp: "{cpp,cc,cxx,hpp,hh,h}",
    "c++": "{cpp,cc,cxx,hpp,hh,h}",
    c: "{c,h}",
    yaml: "{yaml,yml}",
    html: "{html,htm}",
  },
};
const OTHER_TYPES = new Set([
  "file",
  "dir",
  "directory",
  "folder",
  "any",
  "all",
  "function",
  "object",
  "string",
  "regex",
]);

/** Returns the glob for a file type, such as `rust`, `ts` or `sql`. */
export function typeGlob(value: unknown): string | null {
  const type = typeof value === "string" ? value.trim().toLowerCase() : "";
  if (!/^[a-z0-9+]{1,10}$/.test(type) || OTHER_TYPES.has(type)) return null;
  return `*.${Object.hasOwn(ENDINGS, type) ? ENDINGS[type] : type}`;
}

/** Returns `!a,!b` for `"a,b"` or `["a", "b"]`. */
export function exclusionGlobs(value: unknown): string | null {
  const globs = typeof value === "string" ? value.split(/,(?![^{]*\})/) : value;
  if (!isTexts(globs)) return null;
  const names = globs.map((glob) => glob.trim().replace(/^!/, "")).filter((glob) => glob !== "");
  return names.map((glob) => `!${glob}`).join(",");
}

/** Limits a number to its parameter's range. @param key named in the note about it */
export function clamped(key: string, value: unknown, property: Property, notes: string[]): unknown {
  if (typeof value !== "number" || Number.isNaN(value)) return value;
  const low = typeof property.minimum === "number" ? property.minimum : Number.MIN_SAFE_INTEGER;
  const high = typeof property.maximum === "number" ? property.maximum : Number.MAX_SAFE_INTEGER;
  const within = Math.min(high, Math.max(low, value));
  if (within !== value) notes.push(`${key} was limited to ${within}`);
  return within;
}
