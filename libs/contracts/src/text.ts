/// <reference lib="es2024.string" />
// No zod here, and nothing of Node: browsers use these functions too.

/**
 * Text that every consumer accepts: without NUL, each lone surrogate replaced by U+FFFD. Postgres rejects both, and llama.cpp
 * answers 500 to every later request whose history holds a lone surrogate.
 */
export function cleanText(text: string): string {
  return (text.includes("\0") ? text.replaceAll("\0", "") : text).toWellFormed();
}

/** At most `limit` UTF-16 units of a text, never ending in half of a surrogate pair. */
export function cutText(text: string, limit: number): string {
  return text.length <= limit ? text : text.slice(0, characterBoundary(text, limit));
}

/**
 * The last index up to `index` at which a text can be divided: the unit before it is no high surrogate. At the end of a text
 * that arrives in pieces, a high surrogate counts as the first half of a pair that is still to come.
 */
export function characterBoundary(text: string, index: number): number {
  const unit = text.charCodeAt(index - 1);
  return unit >= 0xd800 && unit <= 0xdbff ? index - 1 : index;
}
