// PURE
import { cleanText } from "@boocode/contracts";

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value as an object, or an empty object if it is anything else, so that nested fields can be read directly. */
export function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** A non-empty string, else null. Servers send both "" and null for "nothing". */
export function filled(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}

/** Two such counts still add up to an integer of the database. */
const MAX_COUNT = 1_000_000_000;

/** A count of tokens, else null. */
export function count(value: unknown): number | null {
  return typeof value === "number" && value >= 0 && value <= MAX_COUNT ? Math.round(value) : null;
}

/** @returns undefined when the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Cleans every string and key inside a JSON value (see `cleanText`). */
export function cleanValue(value: unknown): unknown {
  if (typeof value === "string") return cleanText(value);
  if (Array.isArray(value)) return value.map(cleanValue);
  if (typeof value !== "object" || value === null) return value;
  // fromEntries defines own properties, so that a key `__proto__` stays a key.
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [cleanText(key), cleanValue(item)]));
}
