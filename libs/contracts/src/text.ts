/// <reference lib="es2024.string" />
// Neither zod nor Node APIs here: browsers use these functions too.

/**
 * Makes a text acceptable to every consumer: removes NUL and replaces lone surrogates by U+FFFD. Postgres rejects both, and
 * llama.cpp answers 500 to every later request whose history contains a lone surrogate.
 */
export function cleanText(text: string): string {
  return (text.includes("\0") ? text.replaceAll("\0", "") : text).toWellFormed();
}

/** At most `limit` UTF-16 units of a text, never ending in half of a surrogate pair. */
export function cutText(text: string, limit: number): string {
  return text.length <= limit ? text : text.slice(0, characterBoundary(text, limit));
}

/**
 * The last index, at most `index`, at which a text can be split: never right after a high surrogate, not even at the end of the
 * text, because the other half of the pair may be in the next piece.
 */
export function characterBoundary(text: string, index: number): number {
  const unit = text.charCodeAt(index - 1);
  return unit >= 0xd800 && unit <= 0xdbff ? index - 1 : index;
}
