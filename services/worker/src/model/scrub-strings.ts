import { scrub } from "@boocode/runtime";
import { isObject } from "./json-value.ts";

/**
 * Removes every registered secret from the strings in a model server's error: some servers echo the key. This is done before a
 * text is cut, which could leave a part of a secret, and after parsing, which a short key could otherwise break.
 */
export function scrubStrings<T>(value: T): T;
export function scrubStrings(value: unknown): unknown {
  if (typeof value === "string") return scrub(value);
  if (Array.isArray(value)) return value.map((each) => scrubStrings(each));
  if (!isObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, scrubStrings(each)]));
}
