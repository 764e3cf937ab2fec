// PURE
/// <reference lib="es2024.string" />

/**
 * Text as every peer and Postgres can hold it: no NUL, no lone surrogate. A lone surrogate in a history makes llama.cpp
 * answer 500 to every later request, and Postgres refuses both.
 */
export function cleanText(text: string): string {
  return (text.includes("\u0000") ? text.replaceAll("\u0000", "") : text).toWellFormed();
}

/** The same for every string and key inside a JSON value. */
export function cleanValue(value: unknown): unknown {
  if (typeof value === "string") return cleanText(value);
  if (Array.isArray(value)) return value.map(cleanValue);
  if (typeof value !== "object" || value === null) return value;
  // fromEntries defines own properties, so that a key `__proto__` stays a key.
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [cleanText(key), cleanValue(item)]));
}

/** At most `limit` UTF-16 units, and never half of a surrogate pair. */
export function cutText(text: string, limit: number): string {
  if (text.length <= limit) return text;
  const last = text.charCodeAt(limit - 1);
  return text.slice(0, last >= 0xd800 && last <= 0xdbff ? limit - 1 : limit);
}
